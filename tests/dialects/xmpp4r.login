client xmpp4r 2022-07
# Each request has a connection of its own. No version of anything, no language; features that come late make it log in as of old.
rid 17
connections one-each
head
    POST /http-bind HTTP/1.1
    Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3
    Accept: */*
    User-Agent: Ruby
    Content-Length: {length}
    Content-Type: text/xml; charset=utf-8
    Host: {host}
poll
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'></body>

send
    <body content='text/xml; charset=utf-8' hold='1' rid='{rid}' secure='true' to='{domain}' wait='20'
    xmlns='http://jabber.org/protocol/httpbind'/>
answer
    @sid
    @authid
    @wait=20
    @hold=1
    @inactivity
    @requests=2
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain-as-jid}</auth></body>
hear
    <success
# it polls whenever nothing is open, and restarts in the same moment
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'></body>
hear
    <stream:features
    <bind
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq id='901' type='set' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bot</resource></bind></iq></body>
hear
    id='901'
    <jid>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <iq id='902' type='set' xmlns='jabber:client'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    id='902'
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'><presence xmlns='jabber:client'/></body>
hear
    <presence
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <message to='{jid}' type='chat' xmlns='jabber:client'><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body type='terminate' rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind'>
    <presence type='unavailable' xmlns='jabber:client'/></body>
end
