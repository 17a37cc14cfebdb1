import { ProbeError, type Target } from "../../core/collector.ts";
import { Ip, Prefix } from "../../core/ip.ts";
import { resolve } from "./link.ts";
import {
  type Allowed,
  API_PORT,
  API_SSL_PORT,
  type Credentials,
  type MikrotikSettings,
  parsePlace,
  type Place,
  type Router,
  type SETTINGS,
} from "./settings.ts";

/** What is not asked whatever is allowed: link-local addresses, where clouds keep secrets, and what is no host. */
const REFUSED = [
  ...["169.254.0.0/16", "fe80::/10"],
  // The same through NAT64 and 6to4.
  ...["64:ff9b::a9fe:0/112", "2002:a9fe::/32"],
  ...["0.0.0.0/8", "::/128", "224.0.0.0/4", "ff00::/8", "255.255.255.255/32"],
].map((text) => Prefix.parse(text)!);

/** Whoever asks gives it up before. */
const MAX_PROBE_SECONDS = 120;
/** A name is looked up for no longer. */
const MAX_RESOLVE_MS = 5000;

/** The router that `target` and `auth` name, if one may ask about it. Its name is resolved here and nowhere else. */
export async function probe(
  query: URLSearchParams,
  settings: MikrotikSettings,
): Promise<Target<typeof SETTINGS>> {
  const { probe } = settings, target = query.get("target");
  if (probe === undefined) throw new ProbeError(404, "Nobody may be asked about: mikrotik has no probe");
  if (target === null || target === "") throw new ProbeError(400, "The parameter target is missing");
  const place = parsePlace(target);
  if (place === undefined) {
    throw new ProbeError(400, `Expected a target such as 192.0.2.1:8728, not "${target}"`);
  }
  const { auth, credentials } = credentialsOf(query.get("auth"), probe.credentials);
  const host = place.host.toLowerCase(), port = place.port ?? (credentials.tls ? API_SSL_PORT : API_PORT);
  const address = await allowedAddress({ host, port }, probe.allow);
  const router: Router = {
    ...credentials,
    name: target,
    address: { host, port },
    resolved: address,
    interval: 1,
    timeout: MAX_PROBE_SECONDS,
  };
  return {
    name: JSON.stringify([host, port, address, auth]),
    interval: router.interval,
    settings: { ...settings, routers: [router] },
  };
}

function credentialsOf(
  wanted: string | null,
  all: ReadonlyMap<string, Credentials>,
): { auth: string; credentials: Credentials } {
  const auth = wanted ?? (all.size === 1 ? [...all.keys()][0]! : "default");
  const credentials = all.get(auth);
  if (credentials !== undefined) return { auth, credentials };
  const hint = wanted === null ? "The parameter auth is missing" : `Unknown auth "${wanted}"`;
  throw new ProbeError(400, hint);
}

/** An address of the host that is allowed. */
async function allowedAddress(place: Place & { port: number }, allow: readonly Allowed[]): Promise<string> {
  const { host, port } = place;
  const entries = allow.filter((entry) =>
    entry.port === undefined ? port === API_PORT || port === API_SSL_PORT : entry.port === port
  );
  const isNamed = entries.some((entry) => entry.prefix === undefined && entry.host === host);
  const isPossible = isNamed || entries.some((entry) => entry.prefix !== undefined);
  // No name is looked up that is not allowed whatever its address.
  const addresses = isPossible ? await addressesOf(host) : [];
  // Always the same one, whichever the name server says first: each has a session and counters of its own.
  const found = addresses.toSorted((a, b) => String(a) < String(b) ? -1 : 1).find((ip) =>
    !REFUSED.some((prefix) => prefix.contains(ip)) &&
    (isNamed || entries.some(({ prefix }) => prefix?.contains(ip)))
  );
  if (found === undefined) {
    throw new ProbeError(403, `Nobody may ask about ${host}, port ${port}: see probe.allow`);
  }
  return String(found);
}

async function addressesOf(host: string): Promise<Ip[]> {
  const ip = Ip.parse(host);
  if (ip !== undefined) return [ip];
  try {
    const addresses = await resolve(host, AbortSignal.timeout(MAX_RESOLVE_MS));
    return addresses.flatMap((text) => Ip.parse(text) ?? []);
  } catch (error) {
    throw new ProbeError(502, (error as Error).message);
  }
}
