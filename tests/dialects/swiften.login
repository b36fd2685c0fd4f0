client Swiften 2020-01
# Raw sockets, one request at a time on each; it takes for the body whatever follows the empty line. The namespace of its version is wrong,
# and it does not poll before the stream was restarted.
rid 7206433981120514
connections kept
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Content-Type: text/xml; charset=utf-8
    Content-Length: {length}
poll
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'></body>

send
    <body content='text/xml; charset=utf-8' hold='1' to='{domain}' rid='{rid}' ver='1.6' wait='60' xml:lang='en'
    xmlns:xmpp='urn:xmpp:bosh' xmpp:version='1.0' xmlns='http://jabber.org/protocol/httpbind' />
answer
    @sid
    @requests=2
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <auth mechanism="SCRAM-SHA-1" xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram-sha-1}</auth></body>
answer
    <challenge
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{scram}</response></body>
answer
    <success
send
    <body rid='{rid}' sid='{sid}' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind'></body>
hear
    <stream:features
    <bind
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq id="session-bind" type="set" xmlns="jabber:client"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>Swift</resource></bind></iq>
    </body>
hear
    session-bind
    <jid>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq id="session-start" type="set" xmlns="jabber:client"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    session-start
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'><presence xmlns="jabber:client"/></body>
hear
    <presence
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <message id="m1" to="{jid}" type="chat" xmlns="jabber:client"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body rid='{rid}' sid='{sid}' type='terminate' xmlns='http://jabber.org/protocol/httpbind'></body>
end
