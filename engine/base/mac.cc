#include "engine/base/mac.h"

#include <intel-ipsec-mb.h>

#include "engine/base/assert.h"

namespace millrace {

struct GmacSigner::State {
  IMB_MGR* manager;
  alignas(64) gcm_key_data key;  // which the library stores with aligned instructions
};

GmacSigner::GmacSigner() : state_(new State{}) {
  state_->manager = alloc_mb_mgr(0);
  MR_ASSERT(state_->manager != nullptr);
  init_mb_mgr_auto(state_->manager, nullptr);
}

GmacSigner::~GmacSigner() {
  free_mb_mgr(state_->manager);
}

void GmacSigner::set_key(const MacKey& key) {
  IMB_AES128_GCM_PRE(state_->manager, key.data(), &state_->key);
}

Mac GmacSigner::sign(const MacNonce& nonce, Bytes bytes) const {
  Mac mac;
  gcm_context_data context;
  const IMB_MGR* manager = state_->manager;
  IMB_AES128_GMAC_INIT(manager, &state_->key, &context, nonce.data(), nonce.size());
  IMB_AES128_GMAC_UPDATE(manager, &state_->key, &context, bytes.data(), bytes.size());
  IMB_AES128_GMAC_FINALIZE(manager, &state_->key, &context, mac.data(), mac.size());
  return mac;
}

}  // namespace millrace
