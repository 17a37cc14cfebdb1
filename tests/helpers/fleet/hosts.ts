/** The hosts of the fleet, each a network namespace, on one link. */
export const HOSTS = {
  /** They serve each other, and track their connections. */
  web1: { address: "192.0.2.1", ipv6: "2001:db8::1", site: "berlin" },
  web2: { address: "192.0.2.2", ipv6: "2001:db8::2", site: "berlin" },
  /** Devices send it messages of Wialon IPS. */
  telematics: { address: "192.0.2.3", ipv6: "2001:db8::3", site: "hamburg" },
  /** Reads routers and receives flows; Prometheus, devices, routers and exporters of flows are here. */
  monitor: { address: "192.0.2.10", ipv6: "2001:db8::10", site: "hamburg" },
} as const;

export type HostName = keyof typeof HOSTS;

export const HOST_NAMES = Object.keys(HOSTS) as HostName[];

/** At the link nobody has this one: connections to it stay half-open. */
export const NOBODY = "192.0.2.99";

export const DEVICES = ["192.0.2.21", "192.0.2.22", "192.0.2.23"] as const;

export const FLOW_EXPORTERS = ["198.51.100.1", "198.51.100.2"] as const;

export const ROUTERS = { core: 8001, branch: 8002 } as const;

/** Where nobody listens: a router that is down. */
export const DEAD_ROUTER = "127.0.0.1:8003";

export const EXPORTER_PORT = 19_100, FLOW_PORT = 2055, WIALON_PORT = 20_332, PROMETHEUS_PORT = 9090;

export const ROUTER_USER = { username: "prometheus", password: "secret" } as const;

/** Hosts all over the internet, with the place that the database of cities gives them. */
export const STRANGERS = [
  { address: "8.8.8.8", city: "Mountain View", latitude: 37.4, longitude: -122.08 },
  { address: "185.199.108.153", city: "San Francisco", latitude: 37.77, longitude: -122.42 },
  { address: "194.25.2.129", city: "Bonn", latitude: 50.73, longitude: 7.1 },
  { address: "133.11.0.1", city: "Tokyo", latitude: 35.69, longitude: 139.69 },
  { address: "200.147.3.157", city: "São Paulo", latitude: -23.55, longitude: -46.63 },
  { address: "196.25.1.1", city: "Johannesburg", latitude: -26.2, longitude: 28.04 },
  { address: "139.130.4.5", city: "Sydney", latitude: -33.87, longitude: 151.21 },
  { address: "130.59.31.80", city: "Bern", latitude: 46.95, longitude: 7.45 },
] as const;
