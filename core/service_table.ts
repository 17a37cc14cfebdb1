/** Well-known services, by the names of IANA's registry where they have one and by the usual ones where not. */
const BOTH = `
7 echo, 9 discard, 13 daytime, 19 chargen, 37 time, 53 domain, 88 kerberos, 111 sunrpc, 123 ntp, 135 epmap, 161 snmp,
162 snmptrap, 389 ldap, 443 https, 464 kpasswd, 514 syslog, 546 dhcpv6-client, 547 dhcpv6-server, 623 asf-rmcp,
636 ldaps, 853 domain-s, 1194 openvpn, 1812 radius, 1813 radius-acct, 2049 nfs, 3389 ms-wbt-server, 3478 stun,
4789 vxlan, 5060 sip, 5061 sips, 5349 stuns, 5353 mdns, 6343 sflow, 8472 otv, 51820 wireguard`;

const TCP = `
20 ftp-data, 21 ftp, 22 ssh, 23 telnet, 25 smtp, 43 whois, 49 tacacs, 70 gopher, 79 finger, 80 http, 102 iso-tsap,
109 pop2, 110 pop3, 113 ident, 119 nntp, 139 netbios-ssn, 143 imap, 179 bgp, 194 irc, 220 imap3, 445 microsoft-ds,
465 submissions, 502 modbus, 515 printer, 543 klogin, 544 kshell, 548 afpovertcp, 554 rtsp, 563 nntps, 587 submission,
631 ipp, 646 ldp, 860 iscsi, 873 rsync, 902 vmware-auth, 989 ftps-data, 990 ftps, 992 telnets, 993 imaps, 995 pop3s,
1080 socks, 1352 lotusnote, 1433 ms-sql-s, 1521 oracle, 1723 pptp, 1883 mqtt, 2181 zookeeper, 2375 docker,
2376 docker-s, 2379 etcd-client, 2380 etcd-server, 3000 grafana, 3128 squid, 3260 iscsi-target, 3306 mysql,
4222 nats, 4369 epmd, 5000 upnp, 5001 iperf, 5222 xmpp-client, 5269 xmpp-server, 5432 postgresql, 5601 kibana,
5671 amqps, 5672 amqp, 5900 vnc, 5938 teamviewer, 5985 winrm, 5986 winrm-s, 6379 redis, 6443 kubernetes,
6514 syslog-tls, 6660 irc, 6667 irc, 6697 ircs, 7000 afs3-fileserver, 7777 cbt, 8000 http-alt, 8006 proxmox,
8008 http-alt, 8080 http-alt, 8086 influxdb, 8088 http-alt, 8123 home-assistant, 8291 winbox, 8443 https-alt,
8728 routeros-api, 8729 routeros-api-ssl, 8883 secure-mqtt, 9000 http-alt, 9042 cassandra, 9090 prometheus,
9092 kafka, 9093 alertmanager, 9100 node-exporter, 9200 elasticsearch, 9300 elasticsearch-node, 9418 git,
9443 https-alt, 10250 kubelet, 11211 memcached, 15672 rabbitmq-mgmt, 19100 netcensus, 20332 wialon-ips,
25565 minecraft, 27017 mongodb, 50000 db2`;

const UDP = `
67 bootps, 68 bootpc, 69 tftp, 137 netbios-ns, 138 netbios-dgm, 177 xdmcp, 319 ptp-event, 320 ptp-general, 443 quic,
500 isakmp, 520 rip, 521 ripng, 1701 l2tp, 1900 ssdp, 2055 netflow, 3702 ws-discovery, 4500 ipsec-nat-t, 4739 ipfix,
5351 nat-pmp, 5355 llmnr, 6081 geneve, 9995 netflow, 9996 netflow, 33434 traceroute, 41641 tailscale`;

function entries(text: string, protocols: readonly string[]): [string, string][] {
  return text.trim().split(/,\s+/).flatMap((service) => {
    const [port, name] = service.split(" ") as [string, string];
    return protocols.map((protocol): [string, string] => [`${protocol}/${port}`, name]);
  });
}

/** Names by `protocol/port`. */
export const SERVICES: ReadonlyMap<string, string> = new Map([
  ...entries(BOTH, ["tcp", "udp"]),
  ...entries(TCP, ["tcp"]),
  ...entries(UDP, ["udp"]),
]);
