import { describe, type Problems } from "../core/node.ts";
import { secret } from "../core/secret.ts";
import {
  boolean,
  choice,
  duration,
  file,
  number,
  optional,
  record,
  type Setting,
  setting,
  type Settings,
  type Shape,
  table,
  text,
} from "../core/shape.ts";

const BOTH_VERSIONS = "TLS 1.2 and 1.3 are both spoken, and nothing else";
const NO_CLIENT_CERTIFICATES = "Cannot ask clients for certificates: a reverse proxy can";

/** A key of the format that can only say what is so anyway. */
function only(word: string, reason: string): Setting<string | undefined> {
  const shape: Shape<string> = {
    expects: word,
    read(node, problems) {
      if (node.kind === "scalar" && node.text === word) return word;
      problems.add(node, `Expected ${word}, not ${describe(node)}: ${reason}`);
      return undefined;
    },
  };
  return optional(shape, { help: reason });
}

/** A key of the format that cannot be obeyed, unless it says nothing. */
function never(reason: string): Setting<undefined> {
  const read: Shape<never>["read"] = (node, problems) => {
    const isNothing = node.kind === "list"
      ? node.items.length === 0
      : node.kind === "scalar" && node.text === "";
    if (!isNothing) problems.add(node, reason);
    return undefined;
  };
  return optional({ expects: "nothing", read }, { help: reason }) as Setting<undefined>;
}

const TLS = {
  cert: optional(text, { help: "The certificate in PEM, and behind it those of the authorities between" }),
  cert_file: optional(file, { help: "File with the certificate" }),
  key: optional(secret, { help: "Its private key in PEM; better is key_file" }),
  key_file: optional(file, { help: "File with the key" }),
  client_auth_type: only(
    "NoClientCert",
    "Clients are not asked for certificates: a reverse proxy can do that",
  ),
  client_ca: never(NO_CLIENT_CERTIFICATES),
  client_ca_file: never(NO_CLIENT_CERTIFICATES),
  client_allowed_sans: never(NO_CLIENT_CERTIFICATES),
  min_version: only("TLS12", BOTH_VERSIONS),
  max_version: only("TLS13", BOTH_VERSIONS),
  cipher_suites: never("Cannot choose cipher suites: a reverse proxy can"),
  curve_preferences: never("Cannot choose elliptic curves: a reverse proxy can"),
  prefer_server_cipher_suites: optional(boolean, { help: "Without effect, as it is in Go since 1.17" }),
};

const headerText: Shape<string> = {
  expects: "a line of text",
  read(node, problems) {
    // RFC 9110, 5.5; what is not ASCII is left out.
    if (node.kind === "scalar" && /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(node.text)) {
      return node.text;
    }
    problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
    return undefined;
  },
};

/** The headers that may be configured, and what they may be, are those of exporter-toolkit. */
const HEADERS = {
  "Content-Security-Policy": optional(headerText, { help: "Where a page may take what it shows from" }),
  "X-Frame-Options": optional(choice(["deny", "sameorigin"]), { help: "Whether a page may be in a frame" }),
  "X-Content-Type-Options": optional(choice(["nosniff"]), {
    help: "Whether the type is taken as it is told",
  }),
  "X-XSS-Protection": optional(headerText, { help: "For browsers of long ago" }),
  "Strict-Transport-Security": optional(headerText, { help: "How long a browser uses TLS only" }),
};

const HTTP = {
  http2: only("true", "HTTP/2 is always offered with TLS"),
  headers: section(HEADERS, "What every answer has besides"),
};

/** A check of cost 14 takes about 2 seconds, and each more twice as long. */
const MIN_COST = 4, MAX_COST = 14;

/** The hash of a password. It is not described: it may be the password. */
const hash: Shape<string> = {
  expects: 'the bcrypt hash of a password, as htpasswd -nBC 10 "" makes it',
  read(node, problems) {
    const text = node.kind === "scalar" ? node.text : "";
    const cost = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1];
    if (cost !== undefined && Number(cost) >= MIN_COST && Number(cost) <= MAX_COST) return text;
    const why = cost === undefined
      ? `Expected ${this.expects}`
      : `Expected a cost from ${MIN_COST} to ${MAX_COST}, not ${cost}`;
    problems.add(node, why);
    return undefined;
  },
};

/** A map that is not described when it is none: what stands there may be a secret. */
function secretive<S extends Shape<unknown>>(shape: S, expects: string): S {
  return {
    ...shape,
    expects,
    read(node, problems) {
      if (node.kind === "map" || (node.kind === "scalar" && node.value === null)) {
        return shape.read(node, problems);
      }
      problems.add(node, `Expected ${expects}`);
      return undefined;
    },
  };
}

const hashes = secretive(table(hash), "a map of users, each with the hash of a password");
const users: Shape<Map<string, string>> = {
  ...hashes,
  read(node, problems) {
    for (const { key, place } of node.kind === "map" ? node.entries : []) checkName(key, place, problems);
    return hashes.read(node, problems);
  },
};

function checkName(name: string, place: string, problems: Problems): void {
  // RFC 7617, 2: the first colon ends it.
  if (name === "" || name.includes(":")) problems.add(place, "Expected the name of a user, without a colon");
}

const interval: Shape<number> = {
  ...duration,
  read: (node, problems) =>
    node.kind === "scalar" && /^0(?:ms|s|m|h|d)?$/.test(node.text) ? 0 : duration.read(node, problems),
};

const RATE_LIMIT = {
  interval: setting(interval, 0, { help: "One request more after each; 0 is without limit" }),
  burst: setting(number({ min: 1, max: 1_000_000, integer: true }), 1, { help: "Requests at once" }),
};

export const TLS_SERVER = secretive(record(TLS), "a map of settings");

/** The file that `--web.config.file` names, in the format of Prometheus' exporter-toolkit. */
export const WEB_CONFIG = record({
  tls_server_config: optional(TLS_SERVER, { help: "TLS; without it HTTP is plain" }),
  http_server_config: section(HTTP, "What HTTP offers"),
  basic_auth_users: setting(users, new Map<string, string>(), {
    help: "Users, each with the hash of a password; without any, everybody may come in",
  }),
  rate_limit: section(RATE_LIMIT, "How many requests are answered; others have the status 429"),
});

function section<S extends Settings>(settings: S, help: string) {
  const shape = record(settings);
  return setting(shape, shape.defaults(), { help });
}
