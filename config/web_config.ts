import { dirname, resolve } from "node:path";
import { entryOf, type Node, type Problems } from "../core/node.ts";
import type { ValuesOf } from "../core/shape.ts";
import type { Certificate, WebConfig } from "../core/web_config.ts";
import { type TLS_SERVER, WEB_CONFIG } from "./web_config_shapes.ts";
import { readConfigurationFile } from "./read_file.ts";
import { parseYaml } from "./yaml.ts";

/** Reads what `--web.config.file` names, and the files that are named in it; reports what is wrong with them. */
export async function readWebConfig(
  { file, isAgain = false }: { file: string; isAgain?: boolean },
  problems: Problems,
): Promise<WebConfig | undefined> {
  const text = await readFile(file, { what: "the web configuration", place: file, isAgain }, problems);
  const node = text === undefined ? undefined : parseYaml(text, file, problems);
  const values = node && WEB_CONFIG.read(node, problems);
  if (values === undefined) return undefined;
  const { tls_server_config: tls, http_server_config: http, basic_auth_users: users, rate_limit } = values;
  const written = entryOf(node, "tls_server_config")?.value;
  const certificate = tls && written && await readCertificate({ tls, written, file, isAgain }, problems);
  const headers = Object.entries(http.headers).filter((entry): entry is [string, string] =>
    entry[1] !== undefined
  );
  return {
    certificate,
    users,
    headers: Object.fromEntries(headers),
    rateLimit: rate_limit.interval > 0 ? rate_limit : undefined,
  };
}

interface TlsSection {
  readonly tls: ValuesOf<typeof TLS_SERVER.settings>;
  readonly written: Node;
  /** What its files are relative to. */
  readonly file: string;
  readonly isAgain: boolean;
}

async function readCertificate(section: TlsSection, problems: Problems): Promise<Certificate | undefined> {
  const { tls, written } = section;
  const cert = await readPem({ ...section, key: "cert", text: tls.cert, path: tls.cert_file }, problems);
  const key = await readPem(
    { ...section, key: "key", text: tls.key?.reveal(), path: tls.key_file },
    problems,
  );
  if (cert === undefined || key === undefined) return undefined;
  const wrong = misfit({ cert, key });
  const place = (entryOf(written, "key_file") ?? entryOf(written, "key")!).value;
  if (wrong !== undefined) problems.add(place, wrong);
  return { cert, key };
}

interface Pem extends Pick<TlsSection, "written" | "file" | "isAgain"> {
  readonly key: "cert" | "key";
  readonly text: string | undefined;
  readonly path: string | undefined;
}

const PEMS = {
  cert: { what: "the certificate", begin: /^-----BEGIN CERTIFICATE-----/m },
  key: {
    what: "the key",
    begin: /^-----BEGIN (?:RSA |EC )?PRIVATE KEY-----(?!\r?\nProc-Type: 4,ENCRYPTED)/m,
  },
};

/** What stands in the configuration, or in the file that it names. */
async function readPem(
  { written, file, isAgain, key, text, path }: Pem,
  problems: Problems,
): Promise<string | undefined> {
  const inline = entryOf(written, key)?.value, named = entryOf(written, `${key}_file`)?.value;
  const { what, begin } = PEMS[key];
  if (inline !== undefined && named !== undefined) {
    problems.add(named, `Expected ${key} or ${key}_file, not both`);
    return undefined;
  }
  const node = inline ?? named;
  if (node === undefined) {
    problems.add(written, `The key "${key}_file" is missing`);
    return undefined;
  }
  const pem = path === undefined
    ? text
    : await readFile(resolve(dirname(file), path), { what, place: node.place, isAgain }, problems);
  if (pem === undefined || begin.test(pem)) return pem;
  const isSecret = /ENCRYPTED/.test(pem);
  problems.add(
    node,
    isSecret ? "Cannot use a key with a passphrase" : `Cannot find ${what} in it: Expected PEM`,
  );
  return undefined;
}

/** What is wrong with a certificate and its key when a server is to have them. */
function misfit({ cert, key }: Certificate): string | undefined {
  try {
    // Nothing else of the runtime looks at both without connecting to somebody.
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    return undefined;
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    // Of the system, which may have no such address.
    if (code !== undefined) return undefined;
    return /KeyMismatch/.test(message)
      ? "The key does not fit the certificate, which must be the first one of its file"
      : `Cannot use the certificate and the key: ${message}`;
  }
}

async function readFile(
  path: string,
  { what, place, isAgain }: { what: string; place: string; isAgain: boolean },
  problems: Problems,
): Promise<string | undefined> {
  try {
    return await readConfigurationFile(path, { isAgain });
  } catch (error) {
    problems.add(place, `Cannot read ${what}: ${(error as Error).message}`);
    return undefined;
  }
}
