import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { serverProofIn } from "../../parsers/tls_handshake.ts";
import { pairOf } from "../collectors/mikrotik/certificates.ts";
import { Random } from "../helpers/random.ts";
import { tlsBeginning } from "../helpers/tls_beginning.ts";

const RANDOMS = 64;

for (const name of ["router", "router_rsa", "self_signed"]) {
  Deno.test(`serverProofIn() finds the certificate and what was signed, of ${name}`, async () => {
    const pair = pairOf(name), { sent, received } = await tlsBeginning(pair);
    const proof = serverProofIn(sent, received)!;
    assert.deepEqual(proof.certificate, new Uint8Array(new X509Certificate(pair.cert).raw));
    // Randoms of both, then the kind of curve, its name, and the key with its length.
    const keyLength = proof.signed[RANDOMS + 3]!;
    assert.equal(proof.signed.length, RANDOMS + 4 + keyLength);
    assert.ok(proof.signature.length >= 64);
  });
}

Deno.test("serverProofIn() finds nothing in TLS 1.3, where all is encrypted", async () => {
  const { sent, received } = await tlsBeginning(pairOf("router"), "TLSv1.3");
  assert.equal(serverProofIn(sent, received), undefined);
});

Deno.test("serverProofIn() finds nothing in what is cut before the proof ends", async () => {
  const { sent, received } = await tlsBeginning(pairOf("router")), whole = serverProofIn(sent, received);
  let isWhole = false;
  for (let length = 0; length <= received.length; length++) {
    const proof = serverProofIn(sent, received.subarray(0, length));
    isWhole ||= proof !== undefined;
    assert.deepEqual(proof, isWhole ? whole : undefined);
  }
  assert.ok(isWhole);
  const hello = 5 + (sent[3]! << 8 | sent[4]!);
  for (let length = 0; length < hello; length++) {
    assert.equal(serverProofIn(sent.subarray(0, length), received), undefined);
  }
});

Deno.test("serverProofIn() does not throw, whatever it reads", async () => {
  const { sent, received } = await tlsBeginning(pairOf("router_rsa")), random = new Random(7);
  for (let i = 0; i < 20_000; i++) {
    const mutated = received.slice();
    for (let n = random.int(4); n >= 0; n--) mutated[random.int(mutated.length)] = random.int(256);
    serverProofIn(sent, mutated);
    serverProofIn(random.bytes(random.int(200)), random.bytes(random.int(400)));
  }
});
