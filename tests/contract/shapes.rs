//! What clients send, in their own spelling: the body that opens a session, and the one that every later request is made of. Clients that
//! do not matter to a rule by their shape are not here.

pub struct Shape {
    pub name: &'static str,
    /// Of its first request.
    pub rid: u64,
    /// RID stands for the request id, KEY for the end of a chain of keys.
    pub creation: &'static str,
    /// RID and SID stand for what they say; what it carries goes before the end tag, or makes one.
    pub request: &'static str,
    /// What makes a request begin the stream anew.
    pub restart: &'static str,
}

pub const STROPHE: Shape = Shape {
    name: "Strophe.js",
    rid: 3_921_764_530,
    creation: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' to='example.org' xml:lang='en' wait='60' hold='1' \
               content='text/xml; charset=utf-8' ver='1.6' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>",
    request: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' sid='SID'/>",
    restart: "to='example.org' xml:lang='en' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

pub const CONVERSE: Shape = Shape {
    name: "Converse.js",
    rid: 1_187_403_962,
    creation: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' to='example.org' xml:lang='en' wait='59' hold='1' \
               content='text/xml; charset=utf-8' ver='1.6' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>",
    ..STROPHE
};

/// JSXC's look whether there is an endpoint at all.
pub const JSXC_PROBE: Shape = Shape {
    name: "JSXC",
    rid: 123_456,
    creation: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' to='example.org' xml:lang='en' wait='60' hold='1' \
               content='text/xml; charset=utf-8' ver='1.6' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>",
    ..STROPHE
};

/// The page that logs users in on the server's side and hands the session over; written for Punjab.
pub const ATTACH_EXAMPLE: Shape = Shape {
    name: "Strophe's attach example",
    rid: 4_820_117,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" content=\"text/xml; charset=utf-8\" hold=\"1\" \
               to=\"example.org\" wait=\"70\" window=\"5\"/>",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\"/>",
    restart: "",
};

pub const STANZA: Shape = Shape {
    name: "stanza.js",
    rid: 2_044_871_306,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" hold=\"2\" rid=\"RID\" to=\"example.org\" ver=\"1.6\" wait=\"30\" \
               xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:version=\"1.0\"/>",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\"/>",
    restart: "to=\"example.org\" xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const JSJAC: Shape = Shape {
    name: "JSJaC",
    rid: 731_905,
    creation: "<body xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' hold='1' \
               to='example.org' wait='300' rid='RID' newkey='KEY' ver='1.10' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>",
    request: "<body rid='RID' sid='SID' xmlns='http://jabber.org/protocol/httpbind'/>",
    restart: "xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh' to='example.org' xml:lang='en'",
};

/// jbosh, as Smack uses it.
pub const JBOSH: Shape = Shape {
    name: "jbosh",
    rid: 5_218_377_904_113_221,
    creation: "<body xmlns='http://jabber.org/protocol/httpbind' ack='1' hold='1' rid='RID' to='example.org' ver='1.8' wait='60' \
               xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'></body>",
    request: "<body xmlns='http://jabber.org/protocol/httpbind' rid='RID' sid='SID'></body>",
    restart: "to='example.org' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'",
};

pub const GLOOX: Shape = Shape {
    name: "gloox",
    rid: 1_728_722_610,
    creation: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' to='example.org' xml:lang='en' hold='2' wait='30' ver='1.6' \
               content='text/xml; charset=utf-8' secure='false' ack='0' route='xmpp:example.org:5222' xmlns:xmpp='urn:xmpp:xbosh' \
               xmpp:version='1.0'/>",
    request: "<body rid='RID' sid='SID' xmlns='http://jabber.org/protocol/httpbind'></body>",
    restart: "to='example.org' xml:lang='en' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

pub const LIBPURPLE_2: Shape = Shape {
    name: "libpurple 2",
    rid: 3_377_699_720_527_871,
    creation: "<body content='text/xml; charset=utf-8' secure='true' to='example.org' xml:lang='en' xmpp:version='1.0' ver='1.6' \
               xmlns:xmpp='urn:xmpp:xbosh' rid='RID' wait='60' hold='1' xmlns='http://jabber.org/protocol/httpbind'/>",
    request: "<body rid='RID' sid='SID' to='example.org' xml:lang='en' xmlns='http://jabber.org/protocol/httpbind' \
              xmlns:xmpp='urn:xmpp:xbosh'></body>",
    restart: "xmpp:restart='true'",
};

pub const LIBPURPLE_3: Shape = Shape {
    name: "libpurple 3",
    rid: 2_251_799_813_685_300,
    creation: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' to='example.org' \
               xml:lang='en' ver='1.10' wait='10' hold='1' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>",
    request: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' sid='SID'></body>",
    restart: "xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

/// Its `xmpp:version` stands in the wrong namespace.
pub const SWIFTEN: Shape = Shape {
    name: "Swiften",
    rid: 9_007_199_254_740_000,
    creation: "<body content='text/xml; charset=utf-8' hold='1' to='example.org' rid='RID' ver='1.6' wait='60' xml:lang='en' \
               xmlns:xmpp='urn:xmpp:bosh' xmpp:version='1.0' xmlns='http://jabber.org/protocol/httpbind' />",
    request: "<body rid='RID' sid='SID' xmlns='http://jabber.org/protocol/httpbind'></body>",
    restart: "xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

pub const XMPPFRAMEWORK: Shape = Shape {
    name: "the BOSH fork of XMPPFramework",
    rid: 1_000_402_311,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" ver=\"1.6\" rid=\"RID\" wait=\"60\" \
               hold=\"1\" ack=\"1\" secure=\"false\" inactivity=\"100\" from=\"alice@example.org\" to=\"example.org\"></body>",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\"></body>",
    restart: "xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

/// Its namespace declaration is written backwards.
pub const AGSXMPP: Shape = Shape {
    name: "agsXMPP",
    rid: 1_650_224_007,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" xmpp:version=\"1.0\" xmpp:xmlns=\"urn:xmpp:xbosh\" ver=\"1.6\" \
               to=\"example.org\" rid=\"RID\" hold=\"1\" wait=\"300\" requests=\"2\" polling=\"5\" newkey=\"KEY\" />",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\" to=\"example.org\" />",
    restart: "xmpp:restart='true'",
};

pub const NBXMPP: Shape = Shape {
    name: "nbxmpp",
    rid: 201_337_914_065_530,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" hold=\"1\" \
               route=\"xmpp:example.org:5222\" to=\"example.org\" wait=\"60\" ver=\"1.6\" xml:lang=\"en\" ack=\"1\" rid=\"RID\" \
               xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:version=\"1.0\" newkey=\"KEY\" />",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\" />",
    restart: "to=\"example.org\" secure=\"true\" xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const BABBLER: Shape = Shape {
    name: "Babbler",
    rid: 1_125_899_906_842_001,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" ack=\"1\" from=\"alice@example.org\" hold=\"1\" rid=\"RID\" \
               to=\"example.org\" ver=\"1.11\" wait=\"60\" xml:lang=\"en\" newkey=\"KEY\" xmlns:xmpp=\"urn:xmpp:xbosh\" \
               xmpp:version=\"1.0\"></body>",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\"></body>",
    restart: "from=\"alice@example.org\" to=\"example.org\" xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const XMPP4R: Shape = Shape {
    name: "xmpp4r",
    rid: 17,
    creation: "<body wait='20' secure='true' xmlns='http://jabber.org/protocol/httpbind' to='example.org' hold='1' rid='RID' \
               content='text/xml; charset=utf-8'/>",
    request: "<body rid='RID' sid='SID' xmlns='http://jabber.org/protocol/httpbind'></body>",
    restart: "xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

pub const ESCALUS: Shape = Shape {
    name: "escalus",
    rid: 1_700_314_559_812_406,
    creation: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' content='text/xml; charset=utf-8' \
               xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0' ver='1.6' hold='1' wait='60' xml:lang='en' to='example.org'/>",
    request: "<body rid='RID' xmlns='http://jabber.org/protocol/httpbind' sid='SID'/>",
    restart: "xmlns:xmpp='urn:xmpp:xbosh' xml:lang='en' to='example.org' xmpp:restart='true'",
};

pub const TSUNG: Shape = Shape {
    name: "tsung",
    rid: 48_113,
    creation: "<body content='text/xml; charset=utf-8' hold='1' rid='RID' to='example.org' ver='1.8' wait='60' \
               xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>",
    request: "<body rid='RID' sid='SID' xmlns='http://jabber.org/protocol/httpbind'></body>",
    restart: "to='example.org' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

pub const JABBERWERXC: Shape = Shape {
    name: "JabberWerxC",
    rid: 6_211,
    creation: "<body xmlns='http://jabber.org/protocol/httpbind' ver='1.9' rid='RID' wait='30' hold='1' to='example.org' \
               xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>",
    request: "<body xmlns='http://jabber.org/protocol/httpbind' rid='RID' sid='SID'/>",
    restart: "to='example.org' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
};

pub const JAXL: Shape = Shape {
    name: "JAXL",
    rid: 4_507,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" xmlns:xmpp=\"urn:xmpp:xbosh\" content=\"text/xml; charset=utf-8\" \
               to=\"example.org\" wait=\"30\" hold=\"1\" rid=\"RID\" ver=\"1.10\" secure=\"true\" route=\"xmpp:example.org:5222\" \
               from=\"alice@example.org\" xml:lang=\"en\" xmpp:version=\"1.0\"/>",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\"/>",
    restart: "to=\"example.org\" xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const PREBIND_PHP: Shape = Shape {
    name: "xmpp-prebind-php",
    rid: 7_302_418_556,
    creation: "<?xml version=\"1.0\"?>\n<body xmlns=\"http://jabber.org/protocol/httpbind\" xmlns:xmpp=\"urn:xmpp:xbosh\" \
               content=\"text/xml; charset=utf-8\" rid=\"RID\" hold=\"1\" wait=\"60\" to=\"example.org\" xml:lang=\"en\" \
               xmpp:version=\"1.0\"/>\n",
    request: "<?xml version=\"1.0\"?>\n<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" \
              rid=\"RID\" sid=\"SID\" xml:lang=\"en\"/>",
    restart: "to=\"example.org\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const XMPPPY: Shape = Shape {
    name: "xmpppy",
    rid: 88_204_519,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" hold=\"4\" to=\"example.org\" \
               wait=\"80\" ver=\"1.6\" xml:lang=\"en\" rid=\"RID\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:version=\"1.0\" />",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" xml:lang=\"en\" rid=\"RID\" \
              sid=\"SID\" />",
    restart: "xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const NODE_BOSH: Shape = Shape {
    name: "node-bosh-xmpp-client",
    rid: 3,
    creation: "<body xmlns=\"http://jabber.org/protocol/httpbind\" content=\"text/xml; charset=utf-8\" hold=\"1\" rid=\"RID\" \
               to=\"example.org\" ver=\"1.6\" wait=\"60\" xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:version=\"1.0\"/>",
    request: "<body xmlns=\"http://jabber.org/protocol/httpbind\" rid=\"RID\" sid=\"SID\"/>",
    restart: "to=\"example.org\" xml:lang=\"en\" xmlns:xmpp=\"urn:xmpp:xbosh\" xmpp:restart=\"true\"",
};

pub const VERSE: Shape = Shape {
    name: "Verse",
    rid: 421_990,
    creation: "<body xmlns='http://jabber.org/protocol/httpbind' rid='RID' to='example.org' from='alice@example.org' hold='1' wait='60' \
               ver='1.6' secure='true' content='text/xml; charset=utf-8' xml:lang='en'/>",
    request: "<body xmlns='http://jabber.org/protocol/httpbind' rid='RID' sid='SID'/>",
    restart: "restart='true'",
};
