import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { fingerprintOf, isProved } from "../../../collectors/mikrotik/proof.ts";
import { type ServerProof, serverProofIn } from "../../../parsers/tls_handshake.ts";
import { tlsBeginning } from "../../helpers/tls_beginning.ts";
import { fingerprintOf as fingerprintOfFile, pairOf } from "./certificates.ts";

async function proofOf(name: string): Promise<ServerProof> {
  const { sent, received } = await tlsBeginning(pairOf(name));
  return serverProofIn(sent, received)!;
}

function withBit(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(bytes);
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
}

for (const name of ["router", "router_rsa", "self_signed"]) {
  Deno.test(`isProved() when a server has the key of ${name}`, async () => {
    assert.equal(isProved(await proofOf(name)), true);
  });

  Deno.test(`isProved() not when what was signed is not what was said, of ${name}`, async () => {
    const proof = await proofOf(name);
    for (let bit = 0; bit < 8 * proof.signed.length; bit += 13) {
      assert.equal(isProved({ ...proof, signed: withBit(proof.signed, bit) }), false, `bit ${bit}`);
    }
  });

  Deno.test(`isProved() not when the signature is another one, of ${name}`, async () => {
    const proof = await proofOf(name);
    for (let bit = 0; bit < 8 * proof.signature.length; bit += 13) {
      assert.equal(isProved({ ...proof, signature: withBit(proof.signature, bit) }), false, `bit ${bit}`);
    }
  });
}

Deno.test("isProved() not when somebody shows a certificate whose key he has not", async () => {
  const proof = await proofOf("other_name");
  for (const name of ["router", "router_rsa", "self_signed"]) {
    const certificate = new Uint8Array(new X509Certificate(pairOf(name).cert).raw);
    assert.equal(isProved({ ...proof, certificate }), false, name);
  }
});

Deno.test("isProved() not with a scheme that is weak or not known, or a certificate that is none", async () => {
  const proof = await proofOf("router_rsa");
  // rsa_pkcs1_sha1 and ecdsa_sha1, and some that do not exist.
  for (const scheme of [0x0201, 0x0203, 0, 0xffff]) assert.equal(isProved({ ...proof, scheme }), false);
  assert.equal(isProved({ ...proof, certificate: new Uint8Array(100) }), false);
});

Deno.test("fingerprintOf() is the SHA-256 of the certificate", async () => {
  const { certificate } = await proofOf("router");
  assert.equal(fingerprintOf(certificate), fingerprintOfFile("router").replaceAll(":", "").toLowerCase());
});
