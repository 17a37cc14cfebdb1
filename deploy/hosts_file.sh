#!/usr/bin/env bash
# Reads the hosts file, and writes it as targets of Prometheus; a part of deploy-to-hosts.sh.
# shellcheck disable=SC2034 # Names are for deploy-to-hosts.sh, too.

readonly collectors_known='sockets processes conntrack mikrotik netflow wialon' port_of_exporter=19100
# The hosts in the order of the file; and what is said of each, by its name.
all_names=()
declare -A host=() port=() user=() labels=() collectors=() listen=() target=()
mistakes=()

read_hosts() {
  local line word words number=0
  declare -A seen=()
  [[ -f $1 && -r $1 ]] || misused "Cannot read $1: --hosts=FILE names the hosts"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    words=()
    for word in ${line%$'\r'}; do
      [[ $word != '#'* ]] || break
      words+=("$word")
    done
    [[ ${#words[@]} == 0 ]] || read_host "$1:$number" "${words[@]}"
  done <"$1"
  [[ ${#mistakes[@]} == 0 ]] || misused "$(printf '%s\n' "${mistakes[@]}")"
  [[ ${#all_names[@]} -gt 0 ]] || misused "$1: Expected a host"
}

# A line of the hosts file: where it is, and its words.
read_host() {
  local at=$1 name=$2 word
  if [[ $# -lt 6 ]]; then
    mistake "Expected at least name, address, user, labels and collectors, with - for what is not given"
    return
  fi
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || mistake "Expected a name of letters, digits, dots, dashes, not $name"
  [[ -z ${seen[name $name]-} ]] || mistake "The name $name is that of ${seen[name $name]}, too"
  [[ -z ${seen[address $3]-} ]] || mistake "The address $3 is that of ${seen[address $3]}, too"
  seen[name $name]=$at
  seen[address $3]=$at
  read_address "$3"
  [[ $4 =~ ^(-|[A-Za-z0-9_][A-Za-z0-9._@-]*)$ ]] || mistake "Expected the name of a user, not $4"
  user[$name]=${4#-}
  labels[$name]=${5#-}
  check_labels "${5#-}"
  for word in ${6//,/ }; do
    [[ $word == - || " $collectors_known " == *" $word "* ]] ||
      mistake "Unknown collector $word; known are $collectors_known"
  done
  collectors[$name]=${6#-}
  listen[$name]=''
  target[$name]=''
  for word in "${@:7}"; do
    case $word in
      listen=?*)
        [[ $word =~ ^listen=([A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$ ]] ||
          mistake "Expected an address such as listen=:19100, not $word"
        listen[$name]=${word#*=} ;;
      target=?*)
        [[ $word =~ ^target=([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$ ]] ||
          mistake "Expected a host and a port, such as target=192.0.2.10:19100, not $word"
        target[$name]=${word#*=} ;;
      *) mistake "Unknown option $word; known are listen=ADDRESS and target=ADDRESS" ;;
    esac
  done
  if [[ ${listen[$name]} =~ ^(127\.|localhost:|\[::1\]:) && -z ${target[$name]} ]]; then
    mistake "Prometheus does not reach ${listen[$name]}: say where it finds the host by target="
  fi
  all_names+=("$name")
}

mistake() { mistakes+=("$at: $*"); }

read_address() {
  local bracketed='^\[([0-9A-Fa-f:.]+)\](:([0-9]+))?$' v6='^([0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$'
  local plain='^([A-Za-z0-9][A-Za-z0-9._-]*)(:([0-9]+))?$'
  if [[ $1 =~ $bracketed || $1 =~ $v6 || $1 =~ $plain ]]; then
    host[$name]=${BASH_REMATCH[1]}
    port[$name]=${BASH_REMATCH[3]-}
    word=${port[$name]:-22}
    ((${#word} <= 5 && 10#$word >= 1 && 10#$word <= 65535)) || mistake "Expected a port from 1 to 65535, not $word"
  else
    mistake "Expected an address such as 192.0.2.10, web-1.example:2222 or [2001:db8::1]:22, not $1"
  fi
}

check_labels() {
  local pair label
  declare -A present=()
  if ! iconv -f UTF-8 -t UTF-8 <<<"$1" >/dev/null 2>&1 || [[ $1 == *[[:cntrl:]]* ]]; then
    mistake 'Expected labels in UTF-8'
    return
  fi
  for pair in ${1//,/ }; do
    label=${pair%%=*}
    if [[ $pair != *=* || ! $label =~ ^[A-Za-z_][A-Za-z0-9_]*$ || $label == __* ]]; then
      mistake "Expected labels such as site=berlin,rack=a1, not $pair"
    elif [[ $label == instance || $label == job ]]; then
      mistake "The label $label is set by Prometheus or by the name of the host"
    elif [[ -n ${present[$label]-} ]]; then
      mistake "The label $label is there twice"
    fi
    present[$label]=yes
  done
}

# Writes a file of targets as file_sd of Prometheus reads it: all hosts, whether they answer or not, but for those that
# are named after it.
write_targets() {
  local targets=$1 name pair labels_text separator='' new
  shift
  new=$(mktemp "$(dirname "$targets")/.netcensus.XXXXXX")
  {
    printf '['
    while read -r name; do
      if [[ " $* " == *" $name "* ]]; then continue; fi
      labels_text="\"instance\": $(quoted "$name")"
      for pair in ${labels[$name]//,/ }; do labels_text+=", $(quoted "${pair%%=*}"): $(quoted "${pair#*=}")"; done
      printf '%s\n  { "targets": [%s], "labels": { %s } }' "$separator" "$(quoted "$(target_of "$name")")" "$labels_text"
      separator=,
    done < <(printf '%s\n' "${all_names[@]}" | sort)
    printf '\n]\n'
  } >"$new"
  chmod 644 "$new"
  if cmp -s "$new" "$targets"; then rm "$new"; else mv -f "$new" "$targets"; fi
}

# A host may listen elsewhere than it is reached by ssh.
target_of() {
  local at=${listen[$1]:-:$port_of_exporter} name=${host[$1]}
  case $at in 0.0.0.0:* | '[::]:'*) at=:${at##*:} ;; esac
  if [[ -n ${target[$1]} ]]; then
    echo "${target[$1]}"
  elif [[ $at != :* ]]; then
    echo "$at"
  elif [[ $name == *:* ]]; then
    echo "[$name]$at"
  else
    echo "$name$at"
  fi
}

quoted() {
  local text=${1//\\/\\\\}
  echo "\"${text//\"/\\\"}\""
}
