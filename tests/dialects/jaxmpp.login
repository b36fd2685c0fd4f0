client JaXMPP 2025-08
# Over Java's old HttpURLConnection, which calls every request a form. It asks for a cache that nobody has.
rid 4839215
connections kept
head
    POST /http-bind HTTP/1.1
    User-Agent: Mozilla/5.0 ( compatible )
    Accept: */*
    Host: {host}
    Connection: keep-alive
    Content-type: application/x-www-form-urlencoded
    Content-Length: {length}
poll
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"/>

send
    <body content="text/xml; charset=utf-8" hold="1" rid="{rid}" to="{domain}" secure="true" wait="30" xml:lang="en" xmpp:version="1.0"
    xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh" cache="on"/>
answer
    @sid
    no @type
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="SCRAM-SHA-1">{scram-sha-1}</auth></body>
hear
    <challenge
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram}</response></body>
hear
    <success
send
    <body from="{user}@{domain}" rid="{rid}" sid="{sid}" to="{domain}" xml:lang="en" xmpp:restart="true"
    xmlns="http://jabber.org/protocol/httpbind"
    xmlns:xmpp="urn:xmpp:xbosh"/>
hear
    <stream:features
    <bind
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="2" type="set" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>jaxmpp</resource></bind></iq></body>
hear
    id='2'
    <jid>
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq id="3" type="set" xmlns="jabber:client"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    id='3'
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"><presence xmlns="jabber:client"/></body>
hear
    <presence
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <message id="4" to="{jid}" type="chat" xmlns="jabber:client"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body rid="{rid}" sid="{sid}" type="terminate" xmlns="http://jabber.org/protocol/httpbind"/>
end
