client Babbler 2023
# Over java.net.http, which would rather speak HTTP/2 and says so. Acknowledges; every answer with a sid would be a new session.
rid 2251799813685248
connections kept
head
    POST /http-bind HTTP/1.1
    Connection: Upgrade, HTTP2-Settings
    Content-Length: {length}
    Host: {host}
    HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA
    Upgrade: h2c
    User-Agent: Java-http-client/17.0.13
    Accept-Encoding: deflate,gzip
    Content-Type: text/xml; charset=utf-8
poll
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}"></body>

send
    <body xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh" ack="1" from="{user}@{domain}" hold="1" rid="{rid}"
    to="{domain}" ver="1.11" wait="60"
    xml:lang="en" xmpp:version="1.0"></body>
answer
    @sid
    @ack={first-rid}
    @maxpause
    @authid
    @from={domain}
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="SCRAM-SHA-1">{scram-sha-1}</auth></body>
hear
    <challenge
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram}</response></body>
hear
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" xmlns:xmpp="urn:xmpp:xbosh" from="{user}@{domain}" rid="{rid}" sid="{sid}" to="{domain}"
    xml:lang="en"
    xmpp:restart="true"></body>
hear
    no @sid
    <stream:features
    <bind
send
    <body xmlns="http://jabber.org/protocol/httpbind" rid="{rid}" sid="{sid}">
    <iq xmlns="jabber:client" id="f2b9" type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>babbler</resource></bind></iq></body>
hear
    f2b9
    <jid>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" ack="{heard}" rid="{rid}" sid="{sid}"><presence xmlns="jabber:client"></presence></body>
hear
    <presence
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" ack="{heard}" rid="{rid}" sid="{sid}">
    <message xmlns="jabber:client" to="{jid}" type="chat"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns="http://jabber.org/protocol/httpbind" ack="{heard}" rid="{rid}" sid="{sid}" type="terminate">
    <presence xmlns="jabber:client" type="unavailable"></presence></body>
end
