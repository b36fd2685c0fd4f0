client xmpp-prebind-php -
# A web server logs in over curl, one connection a request, and hands the session to a page; this one has Strophe.js. Each document has its
# declaration and ends with a new line; the media type has no semicolon; there is no poll, so each answer has to bring what was asked for.
rid 4203918273
connections one-each
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Accept: */*
    Content-Type: text/xml charset=utf-8
    Content-Length: {length}
poll
    <body rid="{rid}" sid="{sid}" xmlns="http://jabber.org/protocol/httpbind"/>

send
    <?xml version="1.0" encoding="UTF-8"?>{newline}<body xmlns="http://jabber.org/protocol/httpbind" content="text/xml charset=utf-8" rid="{rid}"
    xml:lang="en"
    hold="1" to="{domain}" xmlns:xmpp="urn:xmpp:xbosh" xmpp:version="1.0" wait="60"/>{newline}
answer
    @sid
    @wait
    @requests
    @inactivity
    @hold
    first <stream:features
    <mechanism>PLAIN</mechanism>
send
    <?xml version="1.0" encoding="UTF-8"?>{newline}<body xmlns="http://jabber.org/protocol/httpbind" content="text/xml charset=utf-8" rid="{rid}"
    xml:lang="en" sid="{sid}">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{plain-as-jid}</auth></body>{newline}
answer
    first <success
send
    <?xml version="1.0" encoding="UTF-8"?>{newline}<body xmlns="http://jabber.org/protocol/httpbind" content="text/xml charset=utf-8" rid="{rid}"
    xml:lang="en"
    sid="{sid}" to="{domain}" xmlns:xmpp="urn:xmpp:xbosh" xmpp:restart="true"/>{newline}
answer
    <stream:features
    <bind
    <session
send
    <?xml version="1.0" encoding="UTF-8"?>{newline}<body xmlns="http://jabber.org/protocol/httpbind" content="text/xml charset=utf-8" rid="{rid}"
    xml:lang="en" sid="{sid}">
    <iq xmlns="jabber:client" type="set" id="bind_1804289383"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource></resource></bind></iq>
    </body>{newline}
answer
    bind_1804289383
    <jid>
send
    <?xml version="1.0" encoding="UTF-8"?>{newline}<body xmlns="http://jabber.org/protocol/httpbind" content="text/xml charset=utf-8" rid="{rid}"
    xml:lang="en" sid="{sid}">
    <iq xmlns="jabber:client" type="set" id="session_auth_846930886"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>{newline}
answer
    session_auth_846930886
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
