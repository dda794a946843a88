// Package manifest reads application manifests: the OAM YAML that wadm reads
// (apiVersion core.oam.dev/v1beta1, kind Application).
//
// Reading is strict. A field that is not known is refused with its place, its
// path and the nearest known name; what wadm knows and Latticework does not do
// yet is refused by name as unsupported. Every problem of a file is reported at
// once. Nothing is ignored: what is accepted in an older form comes back as a
// Notice.
//
// What differs from wadm:
//
//   - image of a component is a file, relative to the manifest: counter.wasm,
//     ./counter.wasm, file://./counter.wasm, file:///srv/counter.wasm;
//   - image of a capability is lattice://TECHNOLOGY, a provider inside the
//     binary; images of the wasmCloud providers that have a counterpart stand
//     for it, with a notice;
//   - properties.latticework holds what wadm has no word for (Limits,
//     Component.MaxRequestsPerInstance);
//   - the annotation latticework/external names link targets that are not part
//     of this application.
package manifest
