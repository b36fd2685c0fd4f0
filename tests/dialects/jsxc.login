client JSXC 4.4.0
# Strophe.js 1 inside; it still establishes a session, though that is optional.
rid 3100754410
connections kept
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Connection: keep-alive
    Content-Length: {length}
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36
    Content-Type: text/xml; charset=utf-8
    Accept: */*
    Origin: http://chat.example
    Referer: http://chat.example/
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
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <auth mechanism="SCRAM-SHA-1" xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram-sha-1}</auth></body>
hear
    <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram}</response></body>
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
    <iq id="_bind_auth_2" type="set" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>jsxc-4711</resource></bind>
    </iq></body>
hear
    id='_bind_auth_2'
    <jid>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="_session_auth_2" type="set" xmlns="jabber:client"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    id='_session_auth_2'
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
send
    <body rid="{rid}" sid="{sid}" type="terminate" xmlns="http://jabber.org/protocol/httpbind">
    <presence type="unavailable" xmlns="jabber:client"/></body>
end
