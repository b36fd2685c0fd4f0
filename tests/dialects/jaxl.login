client JAXL -
# In PHP, over curl. It finds the parts of an answer by searching in its text, names a route whose host and port may be missing, and says who
# it is.
rid 6174
connections one-each
head
    POST /http-bind HTTP/1.1
    Host: {host}
    Accept: */*
    Accept-Encoding: gzip, deflate
    Content-Type: text/xml; charset=utf-8
    Content-Length: {length}
poll
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}"></body>

send
    <body xmlns="http://jabber.org/protocol/httpbind" content="text/xml; charset=utf-8" to="{domain}" route="xmpp::" secure="true" xml:lang="en"
    xmpp:version="1.0"
    xmlns:xmpp="urn:xmpp:xbosh" hold="1" wait="30" rid="{rid}" ver="1.10" from="{user}@{domain}"></body>
answer
    @sid
    first <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body sid="{sid}" rid="{rid}" xmlns="http://jabber.org/protocol/httpbind">
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{plain}</auth></body>
hear
    <success
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" to="{domain}" xmpp:restart="true" xmlns:xmpp="urn:xmpp:xbosh">
    </body>
hear
    <stream:features
    <bind
send
    <body sid="{sid}" rid="{rid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq xmlns="jabber:client" type="set" id="1"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"></bind></iq></body>
hear
    id='1'
    <jid>
send
    <body sid="{sid}" rid="{rid}" xmlns="http://jabber.org/protocol/httpbind">
    <iq xmlns="jabber:client" type="set" id="2"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"></session></iq></body>
hear
    id='2'
send
    <body sid="{sid}" rid="{rid}" xmlns="http://jabber.org/protocol/httpbind"><presence xmlns="jabber:client"></presence></body>
hear
    <presence
send
    <body sid="{sid}" rid="{rid}" xmlns="http://jabber.org/protocol/httpbind">
    <message xmlns="jabber:client" type="chat" to="{jid}"><body>one</body></message></body>
hear
    <message
    <body>one</body>
send
    <body xmlns="http://jabber.org/protocol/httpbind" sid="{sid}" rid="{rid}" type="terminate"></body>
end
