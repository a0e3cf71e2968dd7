// Maxima of what a manifest may be. A manifest comes from a repository that strangers may write to;
// none of these is near what a real one needs (the largest public Compose files have some 3000
// lines).
#pragma once

#include <cstddef>

namespace shore::config {

/// One manifest file. yaml-cpp needs about 0.2 s and 100 bytes a byte of input, so this bounds
/// both.
inline constexpr size_t kManifestBytesMax = 1u << 20;
/// One .env or env_file, or the file of a config or secret read into the manifest.
inline constexpr size_t kEnvFileBytesMax = 1u << 20;
/// A certificate with its chain, a key, or the authorities of clients.
inline constexpr size_t kCertificateBytesMax = 1u << 20;
/// A key. YAML readers take 1,024 characters for one (YAML 1.2 section 7.4.2), and quoted, a byte
/// may become four: what was read could not be read again.
inline constexpr size_t kKeyBytesMax = 250;
static_assert(kKeyBytesMax * 4 + 2 < 1024);
/// Nesting of maps and lists. A real manifest has about 10; recursion over the tree must not meet
/// the stack's end.
inline constexpr size_t kDepthMax = 64;
/// Nodes of one file after aliases and merge keys are expanded: what an alias bomb may cost.
inline constexpr size_t kNodesMax = 100'000;
/// Nodes that expanding aliases may copy. Anchors share blocks of environment or logging: hundreds,
/// not more.
inline constexpr size_t kAliasNodesMax = 50'000;
/// Nodes of a project, all its files and what `extends` copies together: the tree that is kept in
/// memory.
inline constexpr size_t kProjectNodesMax = 300'000;
/// The normalised form that a release stores. Short forms written out, env_file and extends make it
/// larger than what was read; load() refuses what goes beyond, so that every stored release can be
/// read again.
inline constexpr size_t kNormalisedBytesMax = 16u << 20;
inline constexpr size_t kNormalisedNodesMax = 1'000'000;
/// Levels that long forms add to what was read.
inline constexpr size_t kNormalisedDepthMax = kDepthMax + 16;
/// A file of a config or secret, whose digest becomes part of the release; what supervise places at
/// most.
inline constexpr size_t kFileBytesMax = 4u << 20;
/// Bytes of all such files that one load reads.
inline constexpr size_t kFilesBytesMax = 64u << 20;
/// Nesting of ${A:-${B:-…}}.
inline constexpr size_t kInterpolationDepthMax = 16;
/// One value after interpolation, so that a variable used often in defaults cannot multiply itself.
inline constexpr size_t kValueBytesMax = 1u << 20;
/// Files of one load: -f, include and extends together.
inline constexpr size_t kFilesMax = 256;
/// include within include, extends within extends.
inline constexpr size_t kIncludeDepthMax = 32;
inline constexpr size_t kExtendsDepthMax = 32;
/// Parents searched for a default file name.
inline constexpr size_t kParentsMax = 64;
/// Findings kept; a broken file would otherwise print thousands of lines.
inline constexpr size_t kFindingsMax = 200;
/// Searches for a near name among more names than kNamesCheapToSearch: the first few messages have
/// a "did you mean".
inline constexpr size_t kNamesCheapToSearch = 100;
inline constexpr size_t kLongSearchesMax = 10;
/// Services of a stack. The control plane is measured with 300 instances.
inline constexpr size_t kServicesMax = 1000;
/// Variables of one service: the kernel takes some 2 MiB of arguments and environment together
/// (execve(2)).
inline constexpr size_t kEnvironmentMax = 10'000;
/// Bytes of all files of env_file together: one file may be named by every service.
inline constexpr size_t kEnvBytesMax = 16u << 20;
/// Variables of all services together.
inline constexpr size_t kStackVariablesMax = 100'000;
/// Ports of one service, ranges written out: each is a listener.
inline constexpr size_t kPortsMax = 1000;

/// Routes of one service: each is looked at by every request that no earlier one takes.
inline constexpr size_t kRoutesMax = 200;

/// DNS servers of x-shore.gateway.resolvers: what the C library's resolver takes (MAXNS).
inline constexpr size_t kResolversMax = 3;

/// Bytes that a route's header edits may add to a head (the gateway keeps that much room).
inline constexpr size_t kHeaderEditBytesMax = 1024;

static_assert(kAliasNodesMax <= kNodesMax, "expanded aliases are nodes");
static_assert(kNodesMax <= kProjectNodesMax, "one file may be a whole project");
static_assert(kManifestBytesMax <= kNormalisedBytesMax && kProjectNodesMax <= kNormalisedNodesMax,
              "what is read may be written");
static_assert(kFileBytesMax <= kFilesBytesMax, "one file may be all of them");
static_assert(kEnvironmentMax <= kStackVariablesMax, "one service may have them all");

}  // namespace shore::config
