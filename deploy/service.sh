#!/usr/bin/env bash
# What the service consists of, and how it does; a part of install.sh.
# shellcheck disable=SC2034 # Names are for install.sh, too.

readonly service=netcensus.service limit=15
readonly binary=/usr/local/bin/netcensus unit=/etc/systemd/system/netcensus.service
readonly environment=/etc/default/netcensus configuration=/etc/netcensus/netcensus.yml
# What the last look at the service has found: a host and a port, and what is there; and what is wrong with it.
at='' path='' page='' metrics='' running='' why=''
# When it was restarted last, as SECONDS has it.
restarted=''

# Names the secrets of a folder one by one in a drop-in, where systemd does not take the folder: before version 251.
name_secrets() {
  local version
  read -r _ version _ < <(systemctl --version)
  if ((${version%%[!0-9]*} < 251)); then
    sed -i '/^LoadCredential=/d' "$1"
    find "$2" -maxdepth 1 -type f -printf 'LoadCredential=secrets_%f:%p\n' | sort >>"$1"
  fi
}

# Whether the service was started with the secrets that are in a folder now: systemd hands them over at a start.
has_secrets() {
  local name
  while IFS= read -r name; do
    cmp -s "$1/$name" "/run/credentials/$service/secrets_$name" || return 1
  done < <(ls -A "$1" 2>/dev/null)
}

version_of() {
  local words
  words=$("$1" --version 2>/dev/null) && read -r _ words _ <<<"$words" && echo "$words"
}

# Whether the service is enabled, and what runs is this program.
runs() {
  systemctl is-enabled --quiet "$service" && systemctl is-active --quiet "$service" && [[ "/proc/$(main_pid)/exe" -ef $1 ]]
}

main_pid() { systemctl show --property=MainPID --value "$service"; }

# Lets a binary check the configuration below a folder. In what it says, the configuration has another name.
check() {
  local problems
  problems=$(as_service "$2" "$1" check 2>&1) && return 0
  problems=${problems//"$2$configuration"/$3}
  why=${problems%%$'\n'*}
  say "$problems"
  return 1
}

# Runs a command of a binary as the service is run: with the settings below a folder.
as_service() {
  local properties=(--property=User=65534 --property=Group=65534 --property="EnvironmentFile=$1$environment")
  systemd-run --quiet --wait --pipe --collect "${properties[@]}" \
    "$2" "$3" --config.file="$1$configuration" "\$NETCENSUS_COLLECTORS" "\$NETCENSUS_FLAGS" </dev/null
}

# Waits until this version answers.
becomes_well() {
  local end=$((${restarted:-$SECONDS} + limit)) error
  until look && [[ $running == "$1" ]]; do
    case $(systemctl show --property=ActiveState,SubState --value "$service" | tr '\n' ' ') in
      failed* | inactive* | *auto-restart*)
        error=$(journal | sed -n 's/.* level=error msg=//p' | tail -n 1)
        why="did not start${error:+: $error}"
        return 1 ;;
    esac
    if ((SECONDS >= end)); then
      why="did not answer within $limit s${running:+, but $running did}"
      return 1
    fi
    sleep 0.2
  done
}

# The collectors that fail, with their reasons.
failures() {
  local name reason
  while read -r name; do
    reason=$(sed -n "s|.*<tr><td>$name</td><td><span class=\"bad\">\(.*\)</span></td>.*|\1|p" <<<"$page")
    reason=$(sed 's/&#34;/"/g; s/&#39;/'"'"'/g; s/&#60;/</g; s/&#62;/>/g; s/&#38;/\&/g' <<<"$reason")
    printf '; %s fails: %s' "$name" "$reason"
  done < <(sed -n 's/^netcensus_collector_success{.*collector="\([^"]*\)".*} 0$/\1/p' <<<"$metrics" | sort -u)
}

# Where it answers, and what keeps its metrics from being read there.
place() {
  local where
  where=$(sed 's/\(.*:.*\) /[\1] /; s/ /:/' <<<"$at")
  if [[ -n $path ]]; then echo "http://$where$path"; else echo "$where; its metrics are not read here: TLS or users"; fi
}

# Asks the service for its metrics and its page, wherever it listens.
look() {
  local pid
  running='' metrics=''
  pid=$(main_pid)
  while read -r at; do
    page=$(ask GET "${at% *}" "${at#* }" /) || true
    path=$(sed -n 's/.*<a href="\([^"]*\)">Metrics<.*/\1/p' <<<"$page")
    if [[ -n $path ]]; then
      metrics=$(ask GET "${at% *}" "${at#* }" "$path") || continue
      running=$(sed -n 's/^netcensus_build_info{\(.*,\)\{0,1\}version="\([^"]*\)".*/\2/p' <<<"$metrics")
      # What has failed for this is on the page from now on.
      page=$(ask GET "${at% *}" "${at#* }" /) || continue
    elif as_service '' "$binary" health >/dev/null 2>&1; then
      running=$(version_of "/proc/$pid/exe")
    fi
    if [[ -n $running ]]; then return 0; fi
  done < <(listening "$pid")
  return 1
}

# The addresses and ports at which a process listens; loopback for what is bound to all.
listening() {
  ss -ltnp 2>/dev/null | awk -v pid="pid=$1," 'index($0, pid) {
    colon = match($4, /:[0-9]+$/)
    host = substr($4, 1, colon - 1)
    gsub(/[][]|%.*/, "", host)
    port = substr($4, colon + 1)
    if (host == "*" || host == "::" || host == "0.0.0.0") print "127.0.0.1 " port "\n::1 " port
    else print host, port
  }'
}

# An answer by HTTP, with its head: a host needs not have curl.
ask() {
  # shellcheck disable=SC2016 # They are for the inner shell.
  timeout 10 bash -c '
    exec 3<>"/dev/tcp/$2/$3" && printf "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n" "$1" "$4" >&3 && cat <&3
  ' - "$@" 2>/dev/null | tr -d '\0'
}

# What it has logged since $began, or of late.
journal() {
  journalctl --unit="$service" --since="@${began:-$(($(date +%s) - 300))}" --output=cat --no-pager |
    tail -n 12 | sed 's/^/  /'
}
