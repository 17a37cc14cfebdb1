import { enricher } from "../../core/enricher.ts";
import { boolean, duration, file, list, number, optional, setting } from "../../core/shape.ts";
import { type NameServer, nameServer } from "./name_servers.ts";
import { ReverseDns } from "./reverse_dns.ts";

const count = (max: number) => number({ min: 1, max, integer: true });

export default enricher({
  name: "reverse_dns",
  help: "The name of an address: of /etc/hosts, of what Pi-hole was asked for, or of DNS",
  needsSettings: true,
  takes: "ip",
  settings: {
    cache_duration: setting(duration, 3600, { help: "How long a name is remembered", shown: "1h" }),
    negative_cache_duration: setting(duration, 300, {
      help: "How long it is remembered that an address has no name",
      shown: "5m",
    }),
    lookup_local: setting(boolean, false, { help: "Whether addresses of private networks get names" }),
    lookup_remote: setting(boolean, true, { help: "Whether all other addresses get names" }),
    ip_as_unknown: setting(boolean, false, { help: "Where there is no name, the address takes its place" }),
    tail_pihole: setting(boolean, false, { help: "Run `pihole -t` and take the names that it shows" }),
    pihole_log: optional(file, { help: "Log file of Pi-hole, or of dnsmasq, to take names from" }),
    nameservers: setting(list(nameServer), [] as NameServer[], {
      help: "Servers to ask: an address, or one with a port",
      shown: "those of /etc/resolv.conf",
    }),
    timeout: setting(duration, 2, { help: "How long a server is waited for", shown: "2s" }),
    rate: setting(count(10_000), 50, { help: "Questions a second" }),
    queue: setting(count(1_000_000), 10_000, { help: "Addresses that may wait for a question" }),
  },
  outputs: { name: "Name of the address" },
  open(settings, { log }) {
    return new ReverseDns({
      lookupLocal: settings.lookup_local,
      lookupRemote: settings.lookup_remote,
      ipAsUnknown: settings.ip_as_unknown,
      cacheMs: 1000 * settings.cache_duration,
      negativeCacheMs: 1000 * settings.negative_cache_duration,
      timeoutMs: 1000 * settings.timeout,
      queue: settings.queue,
      rate: settings.rate,
      nameServers: settings.nameservers,
      tailPihole: settings.tail_pihole,
      piholeLog: settings.pihole_log,
      log,
      etc: "/etc",
      now: () => performance.now(),
    });
  },
});
