// DNS messages (policy/dns/message.h), by the names that the forwarder's parts call them.
#pragma once

#include "policy/dns/message.h"

namespace vpn::agent::dns {

using vpn::dns::AddressAnswer;
using vpn::dns::Bytes;
using vpn::dns::Query;
using vpn::dns::Rcode;
using vpn::dns::ReadAnswer;
using vpn::dns::ReadQuery;
using vpn::dns::View;

using vpn::dns::header_size;
using vpn::dns::largest_message;
using vpn::dns::type_a;
using vpn::dns::type_aaaa;
using vpn::dns::type_https;
using vpn::dns::type_svcb;

using vpn::dns::is_answer_to;
using vpn::dns::read_answer;
using vpn::dns::read_query;
using vpn::dns::refusal;
using vpn::dns::set_id;
using vpn::dns::truncated;

}  // namespace vpn::agent::dns
