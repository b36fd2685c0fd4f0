client XMPPFramework (BOSH fork) 2011
# Says who it is, has no version of XMPP, no media type, and no `to` when it restarts. Attributes come in the order of a dictionary.
rid 1000000001
connections kept
head
    POST /http-bind HTTP/1.1
    Host: {host}
    User-Agent: iPhoneXMPP 1.0 (iPhone; iPhone OS 4.3; en_US)
    Accept-Encoding: gzip
    Connection: keep-alive
    Content-Length: {length}
poll
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}"/>

send
    <body xmlns:xmpp="urn:xmpp:xbosh" xmlns="http://jabber.org/protocol/httpbind" ack="1" wait="60" content="text/xml; charset=utf-8"
    xml:lang="en" secure="false"
    ver="1.6" inactivity="120" to="{domain}" rid="{rid}" from="{user}@{domain}" hold="1"/>
answer
    @sid
    @wait
    @hold=1
    @requests=2
    @inactivity
    @authid
    @ack={first-rid}
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{plain}</auth></body>
hear
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh" xml:lang="en" xmpp:restart="true" rid="{rid}" sid="{sid}"/>
hear
    <stream:features
    <bind
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <iq xmlns="jabber:client" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>phone</resource></bind></iq></body>
hear
    <iq
    <jid>
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <iq xmlns="jabber:client" type="set"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    type='result'
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}"><presence xmlns="jabber:client"/></body>
hear
    <presence
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <message xmlns="jabber:client" type="chat" to="{jid}"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" type="terminate" xml:lang="en" rid="{rid}" sid="{sid}"/>
end
