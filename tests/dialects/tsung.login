client tsung 1.7
# Headers have no space behind their colons, Host has no port, stanzas have no namespace of their own. It polls once the stream was
# restarted, and takes any status but `200 OK` for an error.
rid 88231
connections kept
head
    POST /http-bind HTTP/1.1
    keep-alive:true
    Content-Type:text/xml; charset=utf-8
    Content-Length:{length}
    Host:{hostname}
poll
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}'></body>

send
    <body xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' ver='1.8' to='{domain}' rid='{rid}'
    xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'
    wait='60' hold='1'/>
answer
    @sid
    <stream:features
    <mechanism>PLAIN</mechanism>
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}'>
    <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN" >{plain-as-jid}</auth></body>
answer
    <success
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh' to='{domain}'/>
hear
    <stream:features
    <bind
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}'>
    <iq type="set" id="1188"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>tsung</resource></bind></iq></body>
hear
    1188
    <jid>
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}'>
    <iq type="set" id="1189"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq></body>
hear
    1189
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}'><presence id="1190"/></body>
hear
    <presence
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}'>
    <message to="{jid}" id="1191" type="chat"><body>one</body></message></body>
hear
    <message
    <body>one</body>
poll
send
    <body xmlns='http://jabber.org/protocol/httpbind'  rid='{rid}' sid='{sid}' type='terminate' xmlns:xmpp='urn:xmpp:xbosh'/>
end
