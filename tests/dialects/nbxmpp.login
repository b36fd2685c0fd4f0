client nbxmpp 0.9
# Gajim. Always names a route, acknowledges, and uses up ten keys so quickly that a second chain follows.
rid 583921047725901
connections kept
keys 10 "
head
    POST /http-bind HTTP/1.1
    Host: {host}
    User-Agent: Gajim
    Content-Type: text/xml; charset=utf-8
    Content-Length: {length}
    Proxy-Connection: keep-alive
    Pragma: no-cache
    Accept-Encoding: gzip, deflate
    Connection: Keep-Alive
poll
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" {keys} />

send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" hold="1" route="xmpp:{domain}:5222" to="{domain}"
    wait="30" xml:lang="en"
    xmpp:version="1.0" ver="1.6" xmlns:xmpp="urn:xmpp:xbosh" rid="{rid}" ack="1" {newkey} />
answer
    @sid
    @requests=2
    @wait=30
    @ack={first-rid}
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" {keys}>
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="SCRAM-SHA-1">{scram-sha-1}</auth></body>
hear
    <challenge
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" {keys}>
    <response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram}</response></body>
hear
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" to="{domain}" sid="{sid}" xml:lang="en" xmpp:restart="true" secure="false"
    xmlns:xmpp="urn:xmpp:xbosh"
    rid="{rid}" {keys} />
hear
    <stream:features
    <bind
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" {keys}>
    <iq xmlns="jabber:client" type="set" id="12"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>Gajim</resource></bind></iq></body>
hear
    id='12'
    <jid>
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" {keys}>
    <iq xmlns="jabber:client" type="set" id="13"><session xmlns="urn:ietf:params:xml:ns:xmpp-session" /></iq></body>
hear
    id='13'
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" ack="{heard}" {keys}>
    <presence xmlns="jabber:client" id="14"><priority>50</priority></presence></body>
hear
    <presence
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" ack="{heard}" {keys}>
    <message xmlns="jabber:client" to="{jid}" type="chat" id="15"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" type="terminate" rid="{rid}" ack="{heard}" {keys}>
    <presence xmlns="jabber:client" type="unavailable" id="16" /></body>
end
