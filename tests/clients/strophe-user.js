// In the page: a user of Strophe.js (tests/clients/page-user.mjs). The option `retries=COUNT` has it give up earlier.

// 1.6.2 has no such thing, and logs nothing
Strophe.setLogLevel?.(Strophe.LogLevel.WARN);

const { endpoint, jid, password, options } = account;
const retries = options.find((option) => option.startsWith('retries='))?.slice('retries='.length);
const over = [Strophe.Status.CONNFAIL, Strophe.Status.AUTHFAIL, Strophe.Status.DISCONNECTED];
let connection;

function heard(message) {
    const body = message.querySelector('body');
    // not what comes back: who leaves does not say whether it has read the last
    if (body && message.getAttribute('type') !== 'error') tell('heard', message.getAttribute('from'), body.textContent);
    return true;
}

// Calls online() once the server has told us of our own presence, and offline(why) when Strophe has given the session up.
function connect(online, offline) {
    connection = new Strophe.Connection(endpoint, { withCredentials: options.includes('credentials') });
    if (retries) connection.maxRetries = Number(retries);
    connection.addHandler(heard, null, 'message');
    connection.connect(`${jid}/strophe`, password, (status, why) => {
        if (status === Strophe.Status.CONNECTED) {
            connection.addHandler(() => online(), null, 'presence', null, null, connection.jid);
            connection.send($pres());
        } else if (over.includes(status)) {
            offline(why);
        }
    });
}

window.user = {
    enter: () => new Promise((resolve) => {
        const online = () => resolve(tell('online', connection.jid));
        let known = false;
        const offline = (why) => {
            if (!known) resolve(tell('gone', why || 'disconnected'));
            known = true;
        };
        connect(online, (why) => (user.left ? user.left() : offline(why)));
    }),
    say: (to, text) => connection.send($msg({ to, type: 'chat' }).c('body').t(text)),
    leave: () => new Promise((resolve) => {
        user.left = resolve;
        connection.disconnect();
    }),
};
