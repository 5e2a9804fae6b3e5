#include "engine/base/mac.h"

#include <intel-ipsec-mb.h>

#include "engine/base/assert.h"

namespace millrace {

struct CmacSigner::State {
  IMB_MGR* manager;
  alignas(16) std::array<std::uint32_t, 4 * 15> key_expanded;
  std::array<std::uint32_t, 4> subkey1;
  std::array<std::uint32_t, 4> subkey2;
};

CmacSigner::CmacSigner() : state_(new State{}) {
  state_->manager = alloc_mb_mgr(0);
  MR_ASSERT(state_->manager != nullptr);
  init_mb_mgr_auto(state_->manager, nullptr);
}

CmacSigner::~CmacSigner() {
  free_mb_mgr(state_->manager);
}

void CmacSigner::set_key(const MacKey& key) {
  alignas(16) std::array<std::uint32_t, 4 * 15> decryption_keys;
  IMB_AES_KEYEXP_128(state_->manager, key.data(), state_->key_expanded.data(),
                     decryption_keys.data());
  IMB_AES_CMAC_SUBKEY_GEN_128(state_->manager, state_->key_expanded.data(), state_->subkey1.data(),
                              state_->subkey2.data());
}

Mac CmacSigner::sign(Bytes bytes) const {
  Mac mac{};
  IMB_JOB* job = IMB_GET_NEXT_JOB(state_->manager);
  *job = IMB_JOB{};
  job->cipher_mode = IMB_CIPHER_NULL;
  job->cipher_direction = IMB_DIR_ENCRYPT;
  job->chain_order = IMB_ORDER_HASH_CIPHER;
  job->hash_alg = IMB_AUTH_AES_CMAC;
  job->src = bytes.data();
  job->msg_len_to_hash_in_bytes = bytes.size();
  job->auth_tag_output = mac.data();
  job->auth_tag_output_len_in_bytes = mac.size();
  job->u.CMAC._key_expanded = state_->key_expanded.data();
  job->u.CMAC._skey1 = state_->subkey1.data();
  job->u.CMAC._skey2 = state_->subkey2.data();
  const IMB_JOB* done = IMB_SUBMIT_JOB(state_->manager);
  if (done == nullptr) done = IMB_FLUSH_JOB(state_->manager);
  MR_ASSERT(done != nullptr && done->status == IMB_STATUS_COMPLETED);
  return mac;
}

bool macs_are_equal(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace millrace
