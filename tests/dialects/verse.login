client Verse -
# An older copy, in Lua. It calls every request a form, says who it is, and its `restart` is in no namespace.
rid 271829
connections one-each
head
    POST /http-bind HTTP/1.1
    Host: {host}
    User-Agent: Prosody XMPP Server
    Content-Length: {length}
    Content-Type: application/x-www-form-urlencoded
    Connection: close
poll
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}'/>

send
    <body hold='1' wait='60' ver='1.6' xmlns='http://jabber.org/protocol/httpbind' rid='{rid}' to='{domain}' content='text/xml; charset=utf-8'
    from='{user}@{domain}'
    secure='true' xml:lang='en'/>
answer
    @sid
    @wait
    @hold
    @requests
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth></body>
hear
    <success
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}' restart='true'/>
hear
    <stream:features
    <bind
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}'>
    <iq xmlns='jabber:client' type='set' id='4'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq></body>
hear
    id='4'
    <jid>
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}'>
    <iq xmlns='jabber:client' type='set' id='5'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    id='5'
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}'>
    <presence xmlns='jabber:client'/></body>
hear
    <presence
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}'>
    <message xmlns='jabber:client' to='{jid}' type='chat'><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' sid='{sid}' rid='{rid}' type='terminate'/>
end
