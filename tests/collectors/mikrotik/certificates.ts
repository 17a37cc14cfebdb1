import { X509Certificate } from "node:crypto";
import { fileURLToPath } from "node:url";

/** The path of a file of the test data: a certificate or a key. */
export function tlsFile(name: string): string {
  return fileURLToPath(new URL(`../../testdata/tls/${name}`, import.meta.url));
}

/** In PEM. */
export function pairOf(name: string): { readonly cert: string; readonly key: string } {
  const [cert = "", key = ""] = ["pem", "key"].map((type) =>
    Deno.readTextFileSync(tlsFile(`${name}.${type}`))
  );
  return { cert, key };
}

/** SHA-256 with colons. */
export function fingerprintOf(name: string): string {
  return new X509Certificate(pairOf(name).cert).fingerprint256;
}
