client gloox 1.0.24
# All requests go over one connection, without waiting for answers. Its path has a slash behind it; it names a route without being
# asked, refuses acknowledgements with a zero, says `terminal`, and closes its socket at once.
rid 1728742017
connections pipelined
head
    POST /http-bind/ HTTP/1.1
    Host: {host}
    Content-Type: text/xml; charset=utf-8
    Content-Length: {length}
    User-Agent: gloox/1.0.24
poll
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'></body>

send
    <body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' content='text/xml; charset=utf-8' hold='2' rid='{rid}'
    ver='1.6' wait='30' ack='0'
    secure='false' route='xmpp:{domain}:5222' xml:lang='en' xmpp:version='1.0' to='{domain}'/>
answer
    @sid
    @requests=2
    @hold=1
    @wait=30
    no @ack
    first <stream:features
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
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmpp:restart='true' to='{domain}' xml:lang='en'
    xmlns:xmpp='urn:xmpp:xbosh' />
# a session id here would be a new session
hear
    no @sid
    first <stream:features
    <bind
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq xmlns='jabber:client' type='set' id='uid:67405b2a:000041a7'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>gloox</resource>
    </bind></iq></body>
hear
    id='uid:67405b2a:000041a7'
    <jid>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq xmlns='jabber:client' type='set' id='uid:67405b2a:000041a8'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    id='uid:67405b2a:000041a8'
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <presence xmlns='jabber:client'><priority>0</priority></presence></body>
hear
    <presence
# behind a request that is held, on the same connection
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <message xmlns='jabber:client' to='{jid}' id='m1' type='chat'><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body rid='{rid}' sid='{sid}' type='terminal' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind'/>
hang-up
