// In the page: MD5 (RFC 1321) and SHA-1 (RFC 3174) of bytes. The browser's own have no MD5, and answer too late for a page that is left.

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const rotate = (word, by) => (word << by) | (word >>> (32 - by));

// Padded, in blocks of sixteen words.
function blocks(bytes, littleEndian) {
    const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) * 64);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - (littleEndian ? 8 : 4), bytes.length * 8, littleEndian);
    const word = (block, i) => view.getUint32(block * 64 + i * 4, littleEndian);
    return Array.from({ length: padded.length / 64 }, (_, block) => Array.from({ length: 16 }, (_, i) => word(block, i)));
}

function toBytes(words, littleEndian) {
    const view = new DataView(new ArrayBuffer(words.length * 4));
    words.forEach((word, i) => view.setUint32(i * 4, word, littleEndian));
    return new Uint8Array(view.buffer);
}

const add = (state, more) => state.map((word, i) => (word + more[i]) | 0);

function md5(bytes) {
    const shifts = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    for (const block of blocks(bytes, true)) {
        let [a, b, c, d] = state;
        for (let i = 0; i < 64; i += 1) {
            const round = i >> 4;
            const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
            const word = block[[i, 5 * i + 1, 3 * i + 5, 7 * i][round] % 16];
            const sum = (a + mixed + word + Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32)) | 0;
            [a, b, c, d] = [d, (b + rotate(sum, shifts[round][i % 4])) | 0, b, c];
        }
        state = add(state, [a, b, c, d]);
    }
    return toBytes(state, true);
}

function sha1(bytes) {
    const constants = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    for (const block of blocks(bytes, false)) {
        for (let i = 16; i < 80; i += 1) block.push(rotate(block[i - 3] ^ block[i - 8] ^ block[i - 14] ^ block[i - 16], 1));
        let [a, b, c, d, e] = state;
        for (let i = 0; i < 80; i += 1) {
            const round = Math.floor(i / 20);
            const mixed = [(b & c) | (~b & d), b ^ c ^ d, (b & c) | (b & d) | (c & d), b ^ c ^ d][round];
            [a, b, c, d, e] = [(rotate(a, 5) + mixed + e + constants[round] + block[i]) | 0, a, rotate(b, 30), c, d];
        }
        state = add(state, [a, b, c, d, e]);
    }
    return toBytes(state, false);
}
