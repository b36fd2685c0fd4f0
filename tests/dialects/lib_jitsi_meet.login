client lib-jitsi-meet 2026-08
# Strophe.js inside. Guests are anonymous; the room is in the query string, which is none of ours; the server is pinged all the time; and
# the goodbye is a beacon, whose answer nobody reads.
rid 1203847755
connections kept
head
    POST /http-bind?room=standup HTTP/1.1
    Host: {host}
    Connection: keep-alive
    Content-Length: {length}
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36
    Content-Type: text/xml; charset=utf-8
    Accept: */*
    Origin: https://meet.example
    Referer: https://meet.example/
    Accept-Encoding: gzip, deflate
    Accept-Language: en-US,en;q=0.9
poll
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"/>

send
    <body content="text/xml; charset=utf-8" hold="1" rid="{rid}" to="{domain}" ver="1.6" wait="60" xml:lang="en"
    xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh" xmpp:version="1.0"/>
answer
    @sid
    @requests=2
    @hold=1
    @wait
    @inactivity>60
    <stream:features
    <mechanism>ANONYMOUS</mechanism>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <auth mechanism="ANONYMOUS" xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/></body>
hear
    <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
send
    <body rid="{rid}" sid="{sid}" to="{domain}" xml:lang="en" xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh"
    xmpp:restart="true"/>
hear
    <stream:features
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="_bind_auth_2" type="set" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq></body>
hear
    id='_bind_auth_2'
    <jid>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="_session_auth_2" type="set" xmlns="jabber:client"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    id='_session_auth_2'
    type='result'
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="c5f1:sendIQ" to="{domain}" type="get" xmlns="jabber:client"><ping xmlns="urn:xmpp:ping"/></iq></body>
hear
    id='c5f1:sendIQ'
    type='result'
# a poll is held; what is said goes over a second connection
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <presence xmlns="jabber:client"/>
    <message id="m1" to="{jid}" type="chat" xmlns="jabber:client"><body>one &amp; two</body></message></body>
hear
    <message
    <body>one &amp; two</body>
poll
head
    POST /http-bind?room=standup HTTP/1.1
    Host: {host}
    Connection: keep-alive
    Content-Length: {length}
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36
    Content-Type: text/plain;charset=UTF-8
    Accept: */*
    Origin: https://meet.example
    Referer: https://meet.example/
    Accept-Encoding: gzip, deflate
    Accept-Language: en-US,en;q=0.9
send
    <body rid="{rid}" sid="{sid}" type="terminate" xmlns="http://jabber.org/protocol/httpbind">
    <presence type="unavailable" xmlns="jabber:client"/></body>
hang-up
