client Smack (jbosh 0.9.2) 4.4.8
# Acknowledges, and wants to be acknowledged. The order of attributes is that of a hash map; a body is never an empty tag; a request
# carries one stanza.
rid 4503599627370000
connections kept
head
    POST /http-bind HTTP/1.1
    Content-Length: {length}
    Content-Type: text/xml; charset=utf-8
    Host: {host}
    Connection: Keep-Alive
    User-Agent: Apache-HttpClient/4.5.13 (Java/17.0.13)
poll
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'></body>

send
    <body hold='1' xml:lang='en' ack='1' xmpp:version='1.0' to='{domain}' wait='60' ver='1.8' xmlns:xmpp='urn:xmpp:xbosh' rid='{rid}'
    xmlns='http://jabber.org/protocol/httpbind'></body>
answer
    @sid
    @wait
    @requests=2
    @ver
    @ack={first-rid}
    @authid
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{scram-sha-1}</auth></body>
hear
    <challenge
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram}</response></body>
hear
    <success
send
    <body xmpp:restart='true' to='{domain}' rid='{rid}' sid='{sid}' xmlns:xmpp='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind'>
    </body>
hear
    <stream:features
    <bind
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq xmlns='jabber:client' id='A2KL6-3' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>Smack</resource></bind></iq></body>
hear
    id='A2KL6-3'
    <jid>
# an answer that others are behind of says how far it was heard; a request says which answer was the last
poll
send
    <body rid='{rid}' ack='{heard}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq xmlns='jabber:client' id='A2KL6-5' type='get'><query xmlns='jabber:iq:roster'></query></iq></body>
answer
    empty
    @ack={newest}
hear
    id='A2KL6-5'
    type='result'
poll
send
    <body rid='{rid}' ack='{heard}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <presence xmlns='jabber:client' id='A2KL6-6'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1'
    node='https://igniterealtime.org/projects/smack'
    ver='os2Kusj3WEOivn5n4iFr/ZEO8ls='/></presence></body>
hear
    <presence
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <message xmlns='jabber:client' to='{jid}' id='A2KL6-7' type='chat'><body>one</body></message></body>
hear
    id='A2KL6-7'
    <body>one</body>
poll
send
    <body type='terminate' rid='{rid}' ack='{heard}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <presence xmlns='jabber:client' id='A2KL6-8' type='unavailable'></presence></body>
end
