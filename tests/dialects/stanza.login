client stanza.js 12.22.1
# In Node. It has two channels and asks for two held requests, which would leave it none to write on; and it does not poll before it is
# logged in, so the features have to come by themselves.
rid 3391870021
connections kept
head
    POST /http-bind HTTP/1.1
    host: {host}
    connection: keep-alive
    Content-Type: text/xml
    accept: */*
    accept-language: *
    sec-fetch-mode: cors
    user-agent: node
    accept-encoding: gzip, deflate
    content-length: {length}
poll
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}"/>

send
    <body xmlns="http://jabber.org/protocol/httpbind" xml:lang="en" hold="2" wait="30" to="{domain}" ver="1.6" xmlns:xmpp="urn:xmpp:xbosh"
    xmpp:version="1.0"
    rid="{rid}"/>
answer
    @sid
    @hold=1
    @requests=2
    first <stream:features
    <mechanism>SCRAM-SHA-256</mechanism>
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="SCRAM-SHA-256">{scram-sha-256}</auth></body>
answer
    <challenge
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram}</response></body>
answer
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" xml:lang="en" to="{domain}" xmlns:xmpp="urn:xmpp:xbosh" xmpp:restart="true" rid="{rid}"
    sid="{sid}"/>
hear
    first <stream:features
    <bind
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <iq xmlns="jabber:client" id="6d0f-1" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq></body>
hear
    id='6d0f-1'
    {user}@{domain}/
# one stanza in a request, on the channel that does not poll
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}"><presence xmlns="jabber:client"/></body>
hear
    <presence
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <message xmlns="jabber:client" to="{jid}" id="m1" type="chat"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" type="terminate" rid="{rid}" sid="{sid}"/>
end
