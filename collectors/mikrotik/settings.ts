import { Prefix } from "../../core/ip.ts";
import { describe, entryOf, type Node, type Problems } from "../../core/node.ts";
import { Secret, secret } from "../../core/secret.ts";
import {
  boolean,
  duration,
  file,
  list,
  optional,
  record,
  setting,
  type Shape,
  table,
  text,
  type ValuesOf,
} from "../../core/shape.ts";

/** Of the services api and api-ssl of RouterOS. */
export const API_PORT = 8728, API_SSL_PORT = 8729;

/** Where a router is. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The address of the host, where that is decided already. */
  readonly address?: string;
}

/** A host, with a port if one is written. */
export interface Place {
  readonly host: string;
  readonly port: number | undefined;
}

/** `192.0.2.1`, `router.example:8728`, `2001:db8::1` or `[2001:db8::1]:8728`. */
export function parsePlace(text: string): Place | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const host = bracketed ?? plain, port = digits === undefined ? undefined : Number(digits);
  if (host === undefined) return isIpv6(text) ? { host: text, port: undefined } : undefined;
  if (bracketed !== undefined && !isIpv6(bracketed)) return undefined;
  return port === undefined || (port > 0 && port < 65536) ? { host, port } : undefined;
}

function isIpv6(text: string): boolean {
  return text.includes(":") && !text.includes("/") && Prefix.parse(text) !== undefined;
}

const place: Shape<Place> = {
  expects: "an address such as 192.0.2.1, router.example:8728 or [2001:db8::1]:8728",
  read(node, problems) {
    const place = node.kind === "scalar" ? parsePlace(node.text) : undefined;
    if (place === undefined) problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
    return place;
  },
  show: ({ host, port }) =>
    port === undefined ? host : host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
};

/** SHA-256, with colons or without. */
const fingerprint: Shape<string> = {
  expects: "the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with colons or without",
  read(node, problems) {
    const text = node.kind === "scalar" ? node.text : "";
    if (/^(?:[0-9a-f]{2}:?){32}$/i.test(text)) return text;
    problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
    return undefined;
  },
};

const TLS = record({
  ca_file: optional(file, { help: "Certificates of authorities, in PEM, beside those that Mozilla trusts" }),
  fingerprint: optional(fingerprint, {
    help: "SHA-256 fingerprint that its certificate must have, whoever has signed it",
  }),
  insecure: setting(boolean, false, {
    help: "Take any certificate: whoever is in between can read the password",
  }),
});
export type Tls = ValuesOf<typeof TLS.settings>;

/** `true`, or a map. */
const tls: Shape<Tls | false> = {
  expects: "true, false or a map",
  settings: TLS.settings,
  read(node, problems) {
    if (node.kind === "scalar" && node.value !== null) {
      const isOn = boolean.read(node, problems);
      return isOn === undefined ? undefined : isOn && TLS.defaults();
    }
    const values = TLS.read(node, problems);
    const given = Object.entries(values ?? {}).filter(([, value]) => value !== undefined && value !== false);
    if (given.length > 1) {
      problems.add(
        node,
        `Expected one of ${given.map(([key]) => key).join(", ")}: each decides alone whom to trust`,
      );
    }
    return values;
  },
  show: (values) => values && TLS.show!(values),
};

const LOGIN = {
  username: optional(text, { help: "Name of the user", shown: "needed" }),
  password: optional(secret, { help: "Password; better is password_file" }),
  password_file: optional(file, { help: "File with the password, which is read at each login" }),
  tls: setting(tls, false as Tls | false, { help: "API-SSL: true, or a map" }),
};

const ROUTER = record({
  name: optional(text, { help: "The value of the label router", shown: "the host of its address" }),
  address: optional(place, {
    help: "Host, or host:port; the port is 8728, or 8729 with tls",
    shown: "needed",
  }),
  ...LOGIN,
  interval: setting(duration, 10, { help: "Time between its snapshots, from 1s to 1d" }),
  timeout: setting(duration, 60, { help: "How long a snapshot may take, login included; at most 2m" }),
});

/** One router, as it was written. */
interface Written extends ValuesOf<typeof LOGIN> {
  readonly name: string | undefined;
  readonly address: Place;
  readonly username: string;
  readonly interval: number;
  readonly timeout: number;
}

export interface Router extends Written {
  readonly name: string;
  /** Where the host of the address is, when that is decided already. */
  readonly resolved?: string;
}

/** The port that is meant where none is written. */
export function endpointOf({ address: { host, port }, tls, resolved }: Router): Endpoint {
  return {
    host,
    port: port ?? (tls ? API_SSL_PORT : API_PORT),
    ...(resolved !== undefined && { address: resolved }),
  };
}

/** Reports what a login lacks. */
function checkLogin(node: Node, values: { username: unknown }, problems: Problems): boolean {
  const { length } = problems.list;
  if (values.username === undefined && entryOf(node, "username") === undefined) {
    problems.add(node, 'The key "username" is missing');
  }
  const file = entryOf(node, "password_file");
  if (file && entryOf(node, "password")) {
    problems.add(file.value, "Expected password or password_file, not both");
  }
  return problems.list.length === length;
}

/** A pass may not take longer, whoever runs it. */
const MAX_TIMEOUT = 120, MIN_INTERVAL = 1, MAX_INTERVAL = 86_400;

function checkTimes(
  node: Node,
  { interval, timeout }: { interval: number; timeout: number },
  problems: Problems,
) {
  if (interval < MIN_INTERVAL) {
    problems.add(entryOf(node, "interval")!.value, `Expected an interval of at least ${MIN_INTERVAL}s`);
  }
  if (interval > MAX_INTERVAL) {
    problems.add(entryOf(node, "interval")!.value, "Expected an interval of at most 1d");
  }
  if (timeout > MAX_TIMEOUT) {
    problems.add(entryOf(node, "timeout")!.value, `Expected a timeout of at most ${MAX_TIMEOUT}s`);
  }
}

const router: Shape<Router> = {
  expects: "a router",
  settings: ROUTER.settings,
  read(node, problems) {
    const values = ROUTER.read(node, problems);
    if (values === undefined) return undefined;
    const { address } = values;
    if (address === undefined && entryOf(node, "address") === undefined) {
      problems.add(node, 'The key "address" is missing');
    }
    checkTimes(node, values, problems);
    if (!checkLogin(node, values, problems) || address === undefined || values.username === undefined) {
      return undefined;
    }
    return { ...values, address, username: values.username, name: values.name ?? address.host };
  },
  show: (router) => ROUTER.show!(router),
};

/** Each with a name of its own. */
const routers: Shape<Router[]> = {
  ...list(router),
  read(node, problems) {
    const items = node.kind === "list" ? node.items : [node], names = new Set<string>();
    const all = items.map((item) => {
      const read = router.read(item, problems);
      if (read !== undefined && names.has(read.name)) {
        problems.add(entryOf(item, "name")?.value ?? item, `The router "${read.name}" is there twice`);
      }
      if (read !== undefined) names.add(read.name);
      return read;
    });
    return all.includes(undefined) ? undefined : all as Router[];
  },
};

/** Whom somebody may ask about. */
export interface Allowed {
  readonly text: string;
  /** A network, or the name of a host. */
  readonly prefix: Prefix | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

const allowed: Shape<Allowed> = {
  expects:
    "a network such as 10.0.0.0/8 or a host, with a port if need be: 10.0.0.0/8:8729, [2001:db8::/32]:8729",
  read(node, problems) {
    const text = node.kind === "scalar" ? node.text : "";
    const [, bracketed, plain, digits] = /^(?:\[([^[\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
    const host = bracketed ?? plain ?? text, prefix = Prefix.parse(host);
    const isHost = /^[a-zA-Z0-9_.-]*[a-zA-Z][a-zA-Z0-9_.-]*$/.test(host) && bracketed === undefined;
    const port = digits === undefined ? undefined : Number(digits);
    if ((prefix !== undefined || isHost) && (port === undefined || (port > 0 && port < 65536))) {
      return { text, prefix, host: host.toLowerCase(), port };
    }
    problems.add(node, `Expected ${this.expects}, not ${describe(node)}`);
    return undefined;
  },
  show: ({ text }) => text,
};

const CREDENTIALS = record(LOGIN);
export type Credentials = ValuesOf<typeof LOGIN> & { readonly username: string };

const credentials: Shape<Credentials> = {
  expects: "a user",
  settings: CREDENTIALS.settings,
  read(node, problems) {
    const values = CREDENTIALS.read(node, problems);
    if (values === undefined || !checkLogin(node, values, problems)) return undefined;
    return values.username === undefined ? undefined : { ...values, username: values.username };
  },
  show: (values) => CREDENTIALS.show!(values),
};

const PROBE = record({
  credentials: setting(table(credentials), new Map<string, Credentials>(), {
    help: "Users by the name that the parameter auth calls them by",
  }),
  allow: setting(list(allowed), [] as Allowed[], {
    help: "Networks and hosts that may be asked about; on the ports 8728 and 8729 where none is written",
  }),
});

export const SETTINGS = {
  routers: setting(routers, [] as Router[], { help: "The routers", flag: null }),
  probe: optional(PROBE, { help: "Whom one may ask about at /probe?target=HOST&auth=NAME", flag: null }),
};
export type MikrotikSettings = ValuesOf<typeof SETTINGS>;

/** The password as it is now. */
export function passwordOf({ password, password_file: file }: ValuesOf<typeof LOGIN>): Secret {
  if (file === undefined) return password ?? new Secret("");
  return new Secret(Deno.readTextFileSync(file).replace(/\r?\n$/, ""));
}
