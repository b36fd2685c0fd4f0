// What a program under test has in common with the others: it is told by lines what to do, and tells by lines what it sees
// (tests/clients/guest.rs). node PROGRAM ENDPOINT JID PASSWORD [OPTION...]

import { createInterface } from 'node:readline';

export const [endpoint, jid, password, ...options] = process.argv.slice(2);

export const tell = (...words) => process.stdout.write(`> ${words.join(' ')}\n`);

// Carries out one command after the other; `commands` is an object of functions that get as many words as they name, the text last. At the
// end of the commands `finish` is called, and the program ends.
export async function obey(commands, finish = () => {}) {
    try {
        for await (const line of createInterface({ input: process.stdin })) {
            await carryOut(commands, line);
            if (line === 'leave') break;
        }
    } finally {
        await finish();
    }
    process.exit(0);
}

export function carryOut(commands, line) {
    const [word] = line.split(' ', 1);
    if (!(word in commands)) throw new Error(`what is ${line}?`);
    const command = commands[word];
    return command(...split(line, command.length + 1).slice(1));
}

// So many words; the last one takes the rest of the line.
function split(line, count) {
    const words = line.split(' ');
    return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
