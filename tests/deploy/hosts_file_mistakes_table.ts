/** Lines of a hosts file that are wrong, and what is said of them; FILE is the name of the file. */
export const MISTAKES: readonly (readonly [line: string, message: string])[] = [
  [
    "web-1 192.0.2.10",
    "Expected at least name, address, user, labels and collectors, with - for what is not given",
  ],
  ["web/1 192.0.2.10 - - -", "Expected a name of letters, digits, dots, dashes, not web/1"],
  ["a 192.0.2.11 - - -", "The name a is that of FILE:1, too"],
  ["b 192.0.2.1 - - -", "The address 192.0.2.1 is that of FILE:1, too"],
  [
    "b [::1 - - -",
    "Expected an address such as 192.0.2.10, web-1.example:2222 or [2001:db8::1]:22, not [::1",
  ],
  [
    "b -oProxyCommand=x - - -",
    "Expected an address such as 192.0.2.10, web-1.example:2222 or [2001:db8::1]:22, not -oProxyCommand=x",
  ],
  ["b b:70000 - - -", "Expected a port from 1 to 65535, not 70000"],
  ["b b -l - -", "Expected the name of a user, not -l"],
  ["b b - site -", "Expected labels such as site=berlin,rack=a1, not site"],
  ["b b - __site=x -", "Expected labels such as site=berlin,rack=a1, not __site=x"],
  ["b b - instance=x -", "The label instance is set by Prometheus or by the name of the host"],
  ["b b - site=x,site=y -", "The label site is there twice"],
  ["b b - - socks", "Unknown collector socks; known are sockets processes conntrack mikrotik netflow wialon"],
  ["b b - - - listen=19100", "Expected an address such as listen=:19100, not listen=19100"],
  ["b b - - - target=19100", "Expected a host and a port, such as target=192.0.2.10:19100, not target=19100"],
  ["b b - - - port=1", "Unknown option port=1; known are listen=ADDRESS and target=ADDRESS"],
];
