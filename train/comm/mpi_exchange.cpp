#include "tutti/train/comm/mpi_exchange.hpp"

#include "tutti/train/comm/tensors.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace tutti::detail {

namespace {

/// Piece `index` of `count` nearly equal ones.
at::Tensor piece(const at::Tensor& values, std::size_t index, std::size_t count) {
  const auto size = values.numel();
  const auto at = static_cast<std::int64_t>(index);
  const auto of = static_cast<std::int64_t>(count);
  const std::int64_t begin = size * at / of;
  return values.view(-1).narrow(0, begin, size * (at + 1) / of - begin);
}

using Parts = std::vector<at::Tensor>;  // of one piece, in the order of their sum
using Ranks = std::vector<int>;
using Requests = std::vector<MPI_Request>;

/// Starts a sum over `ranks`, of which this one is number `place`; the first `owners` own a
/// piece each. When the requests are done `owned` holds the parts of this rank's piece.
void scatter_parts(const Exchange& with, const at::Tensor& values, const Ranks& ranks,
                   std::size_t place, std::size_t owners, Parts& owned, Requests& requests) {
  if (place < owners) {
    const at::Tensor mine = piece(values, place, owners);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      owned.push_back(i == place ? mine : at::empty_like(mine));
      if (i != place) with.receive(owned.back(), ranks[i], requests);
    }
  }
  for (std::size_t owner = 0; owner < owners; ++owner) {
    if (owner != place) with.send(piece(values, owner, owners), ranks[owner], requests);
  }
}

void gather_pieces(const Exchange& with, const at::Tensor& values, const Ranks& ranks,
                   std::size_t place, std::size_t owners, Requests& requests) {
  for (std::size_t owner = 0; owner < owners; ++owner) {
    if (owner != place) with.receive(piece(values, owner, owners), ranks[owner], requests);
  }
  if (place >= owners) return;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i != place) with.send(piece(values, place, owners), ranks[i], requests);
  }
}

}  // namespace

MPI_Datatype mpi_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    default:
      return MPI_UINT16_T;  // bfloat16
  }
}

HostMap::HostMap(const std::vector<int>& host_of, int rank) {
  std::map<int, std::vector<int>> by_host;
  for (std::size_t r = 0; r < host_of.size(); ++r) {
    by_host[host_of[r]].push_back(static_cast<int>(r));
  }
  if (by_host.size() == host_of.size()) {
    std::vector<int> all;
    for (std::size_t r = 0; r < host_of.size(); ++r) all.push_back(static_cast<int>(r));
    by_host = {{0, std::move(all)}};
  }
  for (auto& [host, ranks] : by_host) hosts.push_back(std::move(ranks));
  std::sort(hosts.begin(), hosts.end());
  owners = hosts.front().size();
  for (std::size_t h = 0; h < hosts.size(); ++h) {
    owners = std::min(owners, hosts[h].size());
    const auto found = std::find(hosts[h].begin(), hosts[h].end(), rank);
    if (found == hosts[h].end()) continue;
    mine = h;
    place = static_cast<std::size_t>(found - hosts[h].begin());
  }
}

void Exchange::send(const at::Tensor& values, int to, Requests& requests) const {
  const auto* const bytes = static_cast<const std::byte*>(values.const_data_ptr());
  for (std::int64_t done = 0; done < values.numel(); done += max_count) {
    const auto count = static_cast<int>(std::min(max_count, values.numel() - done));
    mpi_check(MPI_Isend(bytes + done * values.element_size(), count, mpi_type(values.scalar_type()),
                        to, tag, comm, &requests.emplace_back(MPI_REQUEST_NULL)),
              call);
  }
}

void Exchange::receive(const at::Tensor& into, int from, Requests& requests) const {
  auto* const bytes = static_cast<std::byte*>(into.mutable_data_ptr());
  for (std::int64_t done = 0; done < into.numel(); done += max_count) {
    const auto count = static_cast<int>(std::min(max_count, into.numel() - done));
    mpi_check(MPI_Irecv(bytes + done * into.element_size(), count, mpi_type(into.scalar_type()),
                        from, tag, comm, &requests.emplace_back(MPI_REQUEST_NULL)),
              call);
  }
}

std::deque<MpiStage> Exchange::all_reduce(const at::Tensor& inout, const HostMap& map) const {
  const Exchange with = *this;
  const Ranks ranks = map.hosts[map.mine];
  const std::size_t place = map.place;
  const std::size_t owners = map.owners;
  const auto parts = std::make_shared<Parts>();
  std::deque<MpiStage> stages;
  stages.emplace_back([=](Requests& requests) {
    scatter_parts(with, inout, ranks, place, owners, *parts, requests);
  });
  if (map.hosts.size() > 1 && place < owners) {
    // The owners of one piece, one a host, sum what their hosts have.
    Ranks peers;
    for (const Ranks& host : map.hosts) peers.push_back(host[place]);
    const std::size_t me = map.mine;
    const auto over_hosts = std::make_shared<Parts>();
    stages.emplace_back([=](Requests& requests) {
      const at::Tensor mine = piece(inout, place, owners);
      sum_in_order(*parts, mine);
      parts->clear();
      scatter_parts(with, mine, peers, me, peers.size(), *over_hosts, requests);
    });
    stages.emplace_back([=](Requests& requests) {
      const at::Tensor mine = piece(inout, place, owners);
      sum_in_order(*over_hosts, piece(mine, me, peers.size()));
      over_hosts->clear();
      gather_pieces(with, mine, peers, me, peers.size(), requests);
    });
  }
  stages.emplace_back([=](Requests& requests) {
    if (!parts->empty()) sum_in_order(*parts, piece(inout, place, owners));
    parts->clear();
    gather_pieces(with, inout, ranks, place, owners, requests);
  });
  return stages;
}

std::deque<MpiStage> Exchange::reduce_scatter(const at::Tensor& all, const at::Tensor& mine,
                                              int rank, int ranks) const {
  const Exchange with = *this;
  Ranks everybody;
  for (int r = 0; r < ranks; ++r) everybody.push_back(r);
  const auto me = static_cast<std::size_t>(rank);
  const auto parts = std::make_shared<Parts>();
  std::deque<MpiStage> stages;
  stages.emplace_back([=](Requests& requests) {
    scatter_parts(with, all, everybody, me, everybody.size(), *parts, requests);
  });
  stages.emplace_back([=](Requests& /*requests*/) {
    sum_in_order(*parts, mine.view(-1));
    parts->clear();
  });
  return stages;
}

std::deque<MpiStage> Exchange::all_gather(const at::Tensor& mine, const at::Tensor& all, int rank,
                                          int ranks) const {
  const Exchange with = *this;
  Ranks everybody;
  for (int r = 0; r < ranks; ++r) everybody.push_back(r);
  const auto me = static_cast<std::size_t>(rank);
  std::deque<MpiStage> stages;
  stages.emplace_back([=](Requests& requests) {
    copy_values(mine, piece(all, me, everybody.size()));
    gather_pieces(with, all, everybody, me, everybody.size(), requests);
  });
  return stages;
}

}  // namespace tutti::detail
