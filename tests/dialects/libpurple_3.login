client libpurple 3.0
# Over libsoup: polls from the first moment on and holds for ten seconds; has no `to` when it restarts, and drops everything behind its
# goodbye.
rid 1946071138220954
connections kept
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Content-Type: text/xml; charset=utf-8
    Content-Length: {length}
    Connection: Keep-Alive
poll
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' ></body>

send
    <body content='text/xml; charset=utf-8' rid='{rid}' to='{domain}' xml:lang='en' ver='1.10' wait='10' hold='1'
    xmlns='http://jabber.org/protocol/httpbind'
    xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh' />
answer
    @sid
    @ver
    @wait=10
    @inactivity>5
    <stream:features
    <mechanism>SCRAM-SHA-1</mechanism>
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' >
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{scram-sha-1}</auth></body>
hear
    <challenge
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' >
    <response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram}</response></body>
hear
    <success
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'/>
hear
    <stream:features
    <bind
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' >
    <iq xmlns='jabber:client' type='set' id='purple9a330c51'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>Home</resource></bind></iq>
    </body>
hear
    id='purple9a330c51'
    <jid>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' >
    <iq xmlns='jabber:client' type='set' id='purple9a330c52'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    id='purple9a330c52'
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' >
    <presence xmlns='jabber:client'><priority>1</priority></presence>
    <message xmlns='jabber:client' type='chat' id='purple9a330c53' to='{jid}'><body>one</body></message></body>
hear
    id='purple9a330c53'
    <body>one</body>
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' type='terminate' >
    <presence xmlns='jabber:client' type='unavailable'/></body>
hang-up
