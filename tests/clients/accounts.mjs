// The accounts of the tests, or, of a server that runs already, what the environment says of them (tests/support/server.rs).

export const domain = process.env.BOSHD_TEST_DOMAIN ?? 'example.test';

const told = new Map((process.env.BOSHD_TEST_ACCOUNTS ?? '').split(/\s+/).map((account) => {
    const [name, ...password] = account.split(':');
    return [name, password.join(':')];
}));

export function passwordOf(user) {
    return told.get(user) ?? `${user}'s secret`;
}
