import { Buffer } from "node:buffer";
import { constants, createHash, verify, X509Certificate } from "node:crypto";
import type { ServerProof } from "../../parsers/tls_handshake.ts";

/** By the number of a scheme: its hash, and whether it is RSA-PSS. Ed25519 has a hash of its own. */
const SCHEMES: ReadonlyMap<number, { readonly hash: string | null; readonly isPss?: true }> = new Map([
  [0x0401, { hash: "sha256" }],
  [0x0501, { hash: "sha384" }],
  [0x0601, { hash: "sha512" }],
  [0x0403, { hash: "sha256" }],
  [0x0503, { hash: "sha384" }],
  [0x0603, { hash: "sha512" }],
  [0x0804, { hash: "sha256", isPss: true }],
  [0x0805, { hash: "sha384", isPss: true }],
  [0x0806, { hash: "sha512", isPss: true }],
  [0x0807, { hash: null }],
]);

/** Whether a server has the key of the certificate that it shows. */
export function isProved({ certificate, signed, scheme, signature }: ServerProof): boolean {
  const way = SCHEMES.get(scheme);
  if (way === undefined) return false;
  try {
    const key = new X509Certificate(Buffer.from(certificate)).publicKey;
    const padding = way.isPss && {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
    return verify(way.hash, signed, { key, ...padding }, signature);
  } catch {
    // A key or a signature that is none.
    return false;
  }
}

/** SHA-256, in hexadecimal digits. */
export function fingerprintOf(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("hex");
}
