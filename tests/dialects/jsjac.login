client JSJaC 2018-03
# In Chromium. It proves itself by keys, and pauses when its page is left.
rid 451928
connections kept
keys 16 '
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
poll
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' {keys} />

send
    <body content='text/xml; charset=utf-8' hold='1' xmlns='http://jabber.org/protocol/httpbind' to='{domain}' wait='300' rid='{rid}'
    {newkey} xml:lang='en' ver='1.10' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>
answer
    @sid
    @authid
    @requests=2
    @inactivity>60
    @maxpause>0
    first <stream:features
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
    <mechanism>PLAIN</mechanism>
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' {keys} >
    <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain-as-jid}</auth></body>
# the first child is handed to SASL, whatever it is
hear
    first <success
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' {keys} xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'
    to='{domain}' xml:lang='en' />
hear
    first <stream:features
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'
    <session xmlns='urn:ietf:params:xml:ns:xmpp-session'
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' {keys} >
    <iq xmlns='jabber:client' type='set' id='bind_1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq></body>
hear
    id='bind_1'
    <jid>{user}@{domain}/
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' {keys} >
    <iq xmlns='jabber:client' type='set' id='sess_1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq></body>
hear
    id='sess_1'
    type='result'
poll
send
    <body rid='{rid}' sid='{sid}' xmlns='http://jabber.org/protocol/httpbind' {keys} >
    <presence xmlns='jabber:client'><priority>10</priority></presence>
    <message xmlns='jabber:client' to='{jid}' type='chat' id='m1'><body>one</body></message></body>
hear
    <message
    <body>one</body>
# the page is left: all requests are answered, and the next page goes on with the next rid
poll
send
    <body pause='120' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}' {keys}></body>
answer
    empty
answer
    empty
poll
# a synchronous request, with what was still to be sent
send
    <body type='terminate' xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}' {keys}>
    <presence xmlns='jabber:client' type='unavailable'/></body>
end
