client JabberWerxC 2015
# Over libevent. Only the first child is looked at for features, so nothing may stand before them.
rid 2718281828
connections kept
head
    POST /http-bind HTTP/1.1
    Content-Type: text/xml; charset=utf-8
    Host: {host}
    Content-Length: {length}
poll
    <body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}'/>

send
    <body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' rid='{rid}' hold='1' ver='1.9' to='{domain}' wait='30'
    xmpp:version='1.0'/>
answer
    @sid
    @wait=30
    first <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth></body>
hear
    <success
send
    <body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' sid='{sid}' rid='{rid}' to='{domain}' xmpp:restart='true'/>
hear
    first <stream:features
    <bind
send
    <body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}'>
    <iq xmlns='jabber:client' type='set' id='bind:1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>jwc</resource></bind></iq></body>
hear
    bind:1
    <jid>
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}'><presence xmlns='jabber:client'/></body>
hear
    <presence
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}'>
    <message xmlns='jabber:client' to='{jid}' type='chat'><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}' type='terminate'/>
end
