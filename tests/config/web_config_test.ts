import assert from "node:assert/strict";
import { readWebConfig } from "../../config/web_config.ts";
import { Problems } from "../../core/node.ts";

const TLS = new URL("../testdata/tls/", import.meta.url).pathname;
/** Of "secret", with cost 4. */
const HASH = "$2b$04$6NTjPjn4JEmzhTOeVRKhbOtGvMUK1zMQ2Hxsnx0gmQTmUk2vqWdm.";
/** Marks a key as one that has a passphrase; older formats have another mark. */
const ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
const ENCRYPTED_RSA =
  "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n" +
  "-----END RSA PRIVATE KEY-----\n";
const BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/** Reads a web configuration that is in a folder with certificates; the folder is left out of the messages. */
async function read(yaml: string) {
  const folder = await Deno.makeTempDir(), problems = new Problems();
  try {
    for (const name of ["router.pem", "router.key", "router_rsa.pem", "router_rsa.key", "ca.pem"]) {
      await Deno.copyFile(TLS + name, `${folder}/${name}`);
    }
    await Deno.writeTextFile(`${folder}/encrypted.key`, ENCRYPTED);
    await Deno.writeTextFile(`${folder}/encrypted_rsa.key`, ENCRYPTED_RSA);
    await Deno.writeTextFile(`${folder}/broken.pem`, BROKEN);
    await Deno.writeTextFile(`${folder}/web.yml`, yaml.replaceAll("FOLDER", folder));
    const config = await readWebConfig({ file: `${folder}/web.yml` }, problems);
    return { config, lines: problems.lines().map((line) => line.replaceAll(`${folder}/`, "")) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const tls = (lines: string) => `tls_server_config:\n${lines.replaceAll(/^/gm, "  ")}\n`;
const PAIR = "cert_file: router.pem\nkey_file: router.key";
const indented = (name: string) => Deno.readTextFileSync(TLS + name).trim().replaceAll(/^/gm, "    ");
const INLINE = `cert: |\n${indented("router.pem")}\nkey: |\n${indented("router.key")}`;

const NOTHING = { certificate: undefined, users: new Map(), headers: {}, rateLimit: undefined };
const ROUTER = {
  cert: Deno.readTextFileSync(`${TLS}router.pem`),
  key: Deno.readTextFileSync(`${TLS}router.key`),
};

const GOOD: Readonly<Record<string, { yaml: string; config: object }>> = {
  "an empty file": { yaml: "", config: NOTHING },
  "files beside it": { yaml: tls(PAIR), config: { ...NOTHING, certificate: ROUTER } },
  "files elsewhere": {
    yaml: tls("cert_file: FOLDER/router.pem\nkey_file: ../../../../../../../../..FOLDER/router.key"),
    config: { ...NOTHING, certificate: ROUTER },
  },
  "a certificate that is written in it": { yaml: tls(INLINE), config: { ...NOTHING, certificate: ROUTER } },
  "all that can only be so": {
    yaml: tls(
      `${PAIR}\nclient_auth_type: NoClientCert\nclient_ca_file: ""\nclient_allowed_sans: []\nmin_version: TLS12\n` +
        "max_version: TLS13\ncipher_suites: []\ncurve_preferences:\nprefer_server_cipher_suites: true",
    ) +
      "http_server_config: { http2: true }\nbasic_auth_users: {}\nrate_limit: { interval: 0s, burst: 10 }\n",
    config: { ...NOTHING, certificate: ROUTER },
  },
  users: {
    yaml: `basic_auth_users:\n  prometheus: ${HASH}\n  "with space": ${HASH.replace("2b", "2y")}\n  größe: ${
      HASH.replace("2b$04", "2a$14")
    }\n`,
    config: {
      ...NOTHING,
      users: new Map([
        ["prometheus", HASH],
        ["with space", HASH.replace("2b", "2y")],
        ["größe", HASH.replace("2b$04", "2a$14")],
      ]),
    },
  },
  headers: {
    yaml: "http_server_config:\n  headers:\n    Content-Security-Policy: default-src 'self'\n" +
      "    X-Frame-Options: sameorigin\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1; mode=block\n" +
      "    Strict-Transport-Security: max-age=31536000\n",
    config: {
      ...NOTHING,
      headers: {
        "Content-Security-Policy": "default-src 'self'",
        "X-Frame-Options": "sameorigin",
        "X-Content-Type-Options": "nosniff",
        "X-XSS-Protection": "1; mode=block",
        "Strict-Transport-Security": "max-age=31536000",
      },
    },
  },
  "a limit": {
    yaml: "rate_limit: { interval: 100ms, burst: 20 }\n",
    config: { ...NOTHING, rateLimit: { interval: 0.1, burst: 20 } },
  },
};

for (const [what, { yaml, config }] of Object.entries(GOOD)) {
  Deno.test(`readWebConfig() reads ${what}`, async () => {
    assert.deepEqual(await read(yaml), { config, lines: [] });
  });
}

const ASKS_NOBODY = "Cannot ask clients for certificates: a reverse proxy can";
const VERSIONS = "TLS 1.2 and 1.3 are both spoken, and nothing else";
const NO_HASH = 'Expected the bcrypt hash of a password, as htpasswd -nBC 10 "" makes it';

const BAD: Readonly<Record<string, { yaml: string; lines: readonly string[] }>> = {
  "a key that there is not": {
    yaml: "basic_auth_user: {}\n",
    lines: ['web.yml:1:1: Unknown key "basic_auth_user" (did you mean "basic_auth_users"?)'],
  },
  "a key of TLS that there is not": {
    yaml: tls(`${PAIR}\nkeyfile: x`),
    lines: ['web.yml:4:3: Unknown key "keyfile" (did you mean "key_file"?)'],
  },
  "what is no YAML": {
    yaml: "basic_auth_users: {\n",
    lines: ["web.yml:2:1: Flow map in block collection must be sufficiently indented and end with a }"],
  },
  "a text": { yaml: "nothing\n", lines: ['web.yml:1:1: Expected a map, not "nothing"'] },
  "TLS without a certificate": {
    yaml: "tls_server_config: {}\n",
    lines: [
      'web.yml:1:20: The key "cert_file" is missing',
      'web.yml:1:20: The key "key_file" is missing',
    ],
  },
  "TLS with nothing behind it": {
    yaml: "tls_server_config:\n",
    lines: [
      'web.yml:1:19: The key "cert_file" is missing',
      'web.yml:1:19: The key "key_file" is missing',
    ],
  },
  "a certificate without its key": {
    yaml: tls("cert_file: router.pem"),
    lines: ['web.yml:2:3: The key "key_file" is missing'],
  },
  "a certificate twice": {
    yaml: tls(`${INLINE}\ncert_file: router.pem\nkey_file: router.key`),
    lines: [
      "web.yml:22:14: Expected cert or cert_file, not both",
      "web.yml:23:13: Expected key or key_file, not both",
    ],
  },
  "files that are not there": {
    yaml: tls("cert_file: nothing.pem\nkey_file: nothing.key"),
    lines: [
      "web.yml:2:14: Cannot read the certificate: No such file or directory (os error 2): stat 'nothing.pem'",
      "web.yml:3:13: Cannot read the key: No such file or directory (os error 2): stat 'nothing.key'",
    ],
  },
  "a key for another certificate": {
    yaml: tls("cert_file: router.pem\nkey_file: router_rsa.key"),
    lines: ["web.yml:3:13: The key does not fit the certificate, which must be the first one of its file"],
  },
  "a key where the certificate is to be": {
    yaml: tls("cert_file: router.key\nkey_file: router.pem"),
    lines: [
      "web.yml:2:14: Cannot find the certificate in it: Expected PEM",
      "web.yml:3:13: Cannot find the key in it: Expected PEM",
    ],
  },
  "a key with a passphrase": {
    yaml: tls("cert_file: router.pem\nkey_file: encrypted.key"),
    lines: ["web.yml:3:13: Cannot use a key with a passphrase"],
  },
  "an old key with a passphrase": {
    yaml: tls("cert_file: router.pem\nkey_file: encrypted_rsa.key"),
    lines: ["web.yml:3:13: Cannot use a key with a passphrase"],
  },
  "a broken certificate": {
    yaml: tls("cert_file: broken.pem\nkey_file: router.key"),
    lines: ["web.yml:3:13: Cannot use the certificate and the key: invalid peer certificate: BadEncoding"],
  },
  "what the runtime cannot do": {
    yaml: tls(
      `${PAIR}\nclient_auth_type: RequireAndVerifyClientCert\nclient_ca_file: ca.pem\nclient_ca: x\n` +
        "client_allowed_sans: [a]\nmin_version: TLS13\nmax_version: TLS12\n" +
        "cipher_suites: [TLS_AES_128_GCM_SHA256]\ncurve_preferences: [X25519]",
    ) + "http_server_config: { http2: false }\n",
    lines: [
      'web.yml:4:21: Expected NoClientCert, not "RequireAndVerifyClientCert": Clients are not asked for ' +
      "certificates: a reverse proxy can do that",
      `web.yml:5:19: ${ASKS_NOBODY}`,
      `web.yml:6:14: ${ASKS_NOBODY}`,
      `web.yml:7:24: ${ASKS_NOBODY}`,
      `web.yml:8:16: Expected TLS12, not "TLS13": ${VERSIONS}`,
      `web.yml:9:16: Expected TLS13, not "TLS12": ${VERSIONS}`,
      "web.yml:10:18: Cannot choose cipher suites: a reverse proxy can",
      "web.yml:11:22: Cannot choose elliptic curves: a reverse proxy can",
      'web.yml:12:30: Expected true, not "false": HTTP/2 is always offered with TLS',
    ],
  },
  "a password in the place of its hash": {
    yaml: "basic_auth_users:\n  prometheus: secret\n  other: { password: secret }\n  third:\n",
    lines: [`web.yml:2:15: ${NO_HASH}`, `web.yml:3:10: ${NO_HASH}`, `web.yml:4:9: ${NO_HASH}`],
  },
  "a hash that is cut short": {
    yaml: `basic_auth_users: { prometheus: ${HASH.slice(0, -1)} }\n`,
    lines: [`web.yml:1:33: ${NO_HASH}`],
  },
  "a hash that takes too long": {
    yaml: `basic_auth_users: { prometheus: ${HASH.replace("$04$", "$15$")} }\n`,
    lines: ["web.yml:1:33: Expected a cost from 4 to 14, not 15"],
  },
  "names that nobody can give": {
    yaml: `basic_auth_users: { "": "${HASH}", "a:b": "${HASH}" }\n`,
    lines: [
      "web.yml:1:21: Expected the name of a user, without a colon",
      "web.yml:1:89: Expected the name of a user, without a colon",
    ],
  },
  "users that are no map": {
    yaml: "basic_auth_users: [prometheus]\n",
    lines: ["web.yml:1:19: Expected a map of users, each with the hash of a password"],
  },
  "headers that cannot be": {
    yaml: "http_server_config:\n  headers:\n    X-Frame-Options: allow\n    X-Frame-Option: deny\n" +
      '    X-XSS-Protection: "a\\nb"\n    Content-Security-Policy: größe\n    Set-Cookie: a\n',
    lines: [
      'web.yml:3:22: Expected one of deny, sameorigin, not "allow"',
      'web.yml:4:5: Unknown key "X-Frame-Option" (did you mean "X-Frame-Options"?)',
      'web.yml:5:23: Expected a line of text, not "a\\nb"',
      'web.yml:6:30: Expected a line of text, not "größe"',
      'web.yml:7:5: Unknown key "Set-Cookie"; known are Content-Security-Policy, X-Frame-Options, ' +
      "X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security",
    ],
  },
  "a limit that lets nobody in": {
    yaml: "rate_limit: { interval: soon, burst: 0 }\n",
    lines: [
      'web.yml:1:25: Expected a duration such as 30s, 5m or 2h, not "soon"',
      'web.yml:1:38: Expected a whole number from 1 to 1000000, not "0"',
    ],
  },
};

for (const [what, { yaml, lines }] of Object.entries(BAD)) {
  Deno.test(`readWebConfig() refuses ${what}`, async () => {
    assert.deepEqual((await read(yaml)).lines, lines);
  });
}

const MISPLACED = [
  tls("cert_file: router.pem\nkey: [hunter2]\nmin_version: TLS12"),
  "tls_server_config: hunter2\n",
  "basic_auth_users: { a: hunter2 }\n",
  "basic_auth_users:\n  a:hunter2\n",
  'basic_auth_users: { "a:hunter2": a }\n',
  "basic_auth_users:hunter2: a\n",
];

for (const yaml of MISPLACED) {
  Deno.test(`readWebConfig() shows nothing of the secret in ${JSON.stringify(yaml)}`, async () => {
    const { lines } = await read(yaml);
    assert.ok(lines.length > 0);
    assert.doesNotMatch(lines.join("\n"), /hunter2/);
  });
}

Deno.test("readWebConfig() says that the file is not there", async () => {
  const problems = new Problems();
  assert.equal(await readWebConfig({ file: "/nowhere/web.yml" }, problems), undefined);
  assert.deepEqual(problems.lines(), [
    "/nowhere/web.yml: Cannot read the web configuration: No such file or directory (os error 2): stat '/nowhere/web.yml'",
  ]);
});
