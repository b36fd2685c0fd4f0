client Strophe attach example (Python) -
# Written for Punjab: it never restarts the stream, but polls for the features behind its login. No version of anything. It logs in and hands
# the session to a page.
rid 9305127
connections one-each
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Accept-Encoding: identity
    Content-Length: {length}
    Content-type: text/xml
    Accept: text/xml
poll
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' rid='{rid}' sid='{sid}' xml:lang='en'/>

send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' hold='1' rid='{rid}' to='{domain}' wait='70' window='5'
    xml:lang='en'/>
answer
    @sid
    @authid
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' rid='{rid}' sid='{sid}' xml:lang='en'>
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}{newline}</auth></body>
answer
    first <success
poll
answer
    first <stream:features
    <bind
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' rid='{rid}' sid='{sid}' xml:lang='en'>
    <iq xmlns='jabber:client' type='set' id='H_0'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq></body>
answer
    H_0
    <jid>
send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' rid='{rid}' sid='{sid}' xml:lang='en'>
    <iq xmlns='jabber:client' type='set' id='H_1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
answer
    H_1
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Connection: keep-alive
    Content-Length: {length}
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36
    Content-Type: text/xml; charset=utf-8
    Accept: */*
    Origin: http://chat.example
    Referer: http://chat.example/
    Accept-Encoding: gzip, deflate
    Accept-Language: en-US,en;q=0.9
# the page takes over with the next rid
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <presence xmlns="jabber:client"/></body>
hear
    <presence
poll
send
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind">
    <message to="{jid}" type="chat" xmlns="jabber:client"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body rid="{rid}" sid="{sid}" type="terminate" xmlns="http://jabber.org/protocol/httpbind">
    <presence type="unavailable" xmlns="jabber:client"/></body>
end
