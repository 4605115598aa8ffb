// SHA-256 of a file, piece by piece (FIPS 180-4): browsers offer crypto.subtle only over HTTPS, an office network may not.
"use strict";
const sha256 = (() => {
  const K = new Uint32Array(64), START = new Uint32Array(8);
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (found < 8) START[found] = (Math.sqrt(n) % 1) * 4294967296;
    K[found++] = (Math.cbrt(n) % 1) * 4294967296;
  }
  const W = new Uint32Array(64);
  function block(H, bytes, at) {
    for (let i = 0; i < 16; i++, at += 4) W[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    for (let i = 16; i < 64; i++) {
      const a = W[i - 15], b = W[i - 2];
      W[i] = (((a >>> 7 | a << 25) ^ (a >>> 18 | a << 14) ^ a >>> 3) + ((b >>> 17 | b << 15) ^ (b >>> 19 | b << 13) ^ b >>> 10) + W[i - 16] + W[i - 7]) | 0;
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const one = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + W[i]) | 0;
      const two = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c)) | 0;
      h = g; g = f; f = e; e = d + one | 0; d = c; c = b; b = a; a = one + two | 0;
    }
    H[0] += a; H[1] += b; H[2] += c; H[3] += d; H[4] += e; H[5] += f; H[6] += g; H[7] += h;
  }
  // The hash of a Blob as hex. Gives the screen its turn between pieces.
  return async (file, piece = 1048576) => {
    const H = START.slice();
    let rest = new Uint8Array(0), done = 0;
    while (done < file.size) {
      const part = new Uint8Array(await file.slice(done, done + piece).arrayBuffer());
      if (!part.length) throw new Error("文件读取失败");
      done += part.length;
      let bytes = part;
      if (rest.length) { bytes = new Uint8Array(rest.length + part.length); bytes.set(rest); bytes.set(part, rest.length); }
      const whole = bytes.length - bytes.length % 64;
      for (let at = 0; at < whole; at += 64) block(H, bytes, at);
      rest = bytes.slice(whole);
    }
    const tail = new Uint8Array(rest.length < 56 ? 64 : 128), view = new DataView(tail.buffer);
    tail.set(rest);
    tail[rest.length] = 128;
    view.setUint32(tail.length - 8, Math.floor(file.size / 536870912));
    view.setUint32(tail.length - 4, file.size * 8 >>> 0);
    for (let at = 0; at < tail.length; at += 64) block(H, tail, at);
    return [...H].map((n) => n.toString(16).padStart(8, "0")).join("");
  };
})();
