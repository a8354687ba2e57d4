//! Inputs and answers of the self-tests. Sources stand beside each.

/// What the self-tests must find. A type, so that a test can show that each of them fails on a wrong answer.
pub(crate) struct Answers {
    pub(crate) gcm_sealed: &'static str,
    pub(crate) cbc_first_block: &'static str,
    pub(crate) hmac_sha224: &'static str,
    pub(crate) hmac_sha256: &'static str,
    pub(crate) hmac_sha384: &'static str,
    pub(crate) hmac_sha512: &'static str,
    pub(crate) kdf_sha256_output: &'static str,
    pub(crate) kdf_sha512_output: &'static str,
    pub(crate) suite_1_plaintext: &'static str,
    pub(crate) rsa_plaintext: &'static [u8],
    pub(crate) ecdh_p256: &'static str,
    pub(crate) ml_kem_768: &'static str,
    pub(crate) rsassa_message: &'static [u8],
    pub(crate) ecdsa_message: &'static [u8],
    pub(crate) ed25519: &'static str,
    pub(crate) ed25519ph: &'static str,
    pub(crate) ml_dsa_message: &'static [u8],
    #[cfg_attr(not(feature = "sm2"), expect(dead_code, reason = "SM2 is not part of this build"))]
    pub(crate) sm2dsa_message: &'static [u8],
    #[cfg_attr(not(feature = "sm2"), expect(dead_code, reason = "SM2 is not part of this build"))]
    pub(crate) sm2_plaintext: &'static [u8],
    #[cfg_attr(not(feature = "sm2"), expect(dead_code, reason = "SM2 is not part of this build"))]
    pub(crate) sm2_agreement: &'static str,
}

pub(crate) const ANSWERS: Answers = Answers {
    gcm_sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682883\
                 8c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    cbc_first_block: "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
    hmac_sha224: "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
    hmac_sha256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    hmac_sha384: "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    hmac_sha512: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6\
                  fdcaeab1a34d4a6b4b636e070a38bce737",
    kdf_sha256_output: "10621342bfb0fd40046c0e29f2cfdbf0",
    kdf_sha512_output: "6db880daac98b078ee389a2164252ded61322d661e2b49247ea921e544675d8f17af2bf66dd40d81",
    suite_1_plaintext: "af4718c2a1af6bc0114755148c4e16ec62bf87c4730169550c672c29eacbbd03",
    rsa_plaintext: b"reseal self-test",
    ecdh_p256: "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b",
    ml_kem_768: "3f998f945bf9fdf4471fd5d349e08d729016383b2068a5bcb9a8f873a77e5182",
    rsassa_message: b"reseal self-test",
    ecdsa_message: b"reseal self-test",
    ed25519: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b\
              2eaeb4302aeeb00d291612bb0c00",
    ed25519ph: "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aa\
                a10b8c61e636062aaad11c2a26083406",
    ml_dsa_message: b"reseal self-test",
    sm2dsa_message: b"reseal self-test",
    sm2_plaintext: b"reseal self-test",
    sm2_agreement: "318f1b45a51dac2ee171db8fe86dbe9f0c6a473d628f9570e7cc06b4ef4e7a89",
};

// "The Galois/Counter Mode of Operation" (McGrew, Viega), appendix B, test case 16.
pub(crate) const GCM_KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
pub(crate) const GCM_NONCE: &str = "cafebabefacedbaddecaf888";
pub(crate) const GCM_ASSOCIATED: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
pub(crate) const GCM_PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595\
                                        6809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

// SP 800-38A, F.2.5: the first block.
pub(crate) const CBC_KEY: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
pub(crate) const CBC_VECTOR: &str = "000102030405060708090a0b0c0d0e0f";
pub(crate) const CBC_PLAINTEXT: &str = "6bc1bee22e409f96e93d7e117393172a";

// RFC 4231, test case 2.
pub(crate) const HMAC_KEY: &[u8] = b"Jefe";
pub(crate) const HMAC_MESSAGE: &[u8] = b"what do ya want for nothing?";

// The answer that AWS-LC's own self-test of KBKDF-CTR-HMAC-SHA-256 expects.
pub(crate) const KDF_SHA256_KEY: &str = "dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0";
pub(crate) const KDF_SHA256_FIXED_INPUT: &str = "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e\
                                                 46b864a145fab25e517b08f8683d0315bb2911d80a0e8aba17f3b413faac";

// NIST CAVP, SP 800-108, counter mode, HMAC-SHA-512, 32-bit counter before the fixed data, COUNT=30.
pub(crate) const KDF_SHA512_KEY: &str = "a9f4a2c5af839867f5db5a1e520ab3cca72a166ca60de512fd7fe7e64cf94f92cf1d\
                                         8b636175f293e003275e021018c3f0ede495997a505ec9a2afeb0495be57";
pub(crate) const KDF_SHA512_FIXED_INPUT: &str = "8e9db3335779db688bcfe096668d9c3bc64e193e3529c430e68d09d56c83\
                                                 7dd6c0f94678f121a68ee1feea4735da85a49d34a5290aa39f7b40de435f";

// vectors/ciphertext-v1.json, "data key of 32 bytes".
pub(crate) const SUITE_1_MATERIAL: &str = "795edb8a4f8250f2d575b96d8d00d46623966aab1aee873e75677ca19e8bfaa3";
pub(crate) const SUITE_1_CONTEXT: &str = "000000010000000a4465706172746d656e74000000024954";
pub(crate) const SUITE_1_BLOB: &str = "725365310100010100b69632d5c9f7de9cce37b452d348027ea32c031c6eb8a16fbc639962a8\
                                       cd87deacd5c75bb6e23dd8236ba52e81686eda0a9f477f458cbd852bd17a4c5a5b7b8fe6292c38\
                                       5ffe770e0f1fd6f77c4114ca5376466792c58415d24bc0f42f95d0af23bbcba8dbc3cae8408150\
                                       893ad3c3bf91c336543afb3e27889919a2e080d4f44ebf32470d718e2d391ff334a6191dd57ba1\
                                       b53573ac0d49667c0a14e4bbf487";

// Keys and ciphertexts made by OpenSSL: `vectors/generate.py --new-keys`.
pub(crate) const RSA_PKCS8: &[u8] = include_bytes!("../vectors/self-test/rsa-2048.pkcs8");
pub(crate) const RSA_OAEP_SHA_1: &[u8] = include_bytes!("../vectors/self-test/rsa-oaep-sha1.ciphertext");
pub(crate) const RSA_OAEP_SHA_256: &[u8] = include_bytes!("../vectors/self-test/rsa-oaep-sha256.ciphertext");
#[cfg(feature = "sm2")]
pub(crate) const SM2_PKCS8: &[u8] = include_bytes!("../vectors/self-test/sm2.pkcs8");
#[cfg(feature = "sm2")]
pub(crate) const SM2_CIPHERTEXT: &[u8] = include_bytes!("../vectors/self-test/sm2.ciphertext");

// NIST CAVP, ECC CDH primitive on P-256, COUNT 0: the private key in PKCS#8, the peer's as SubjectPublicKeyInfo.
pub(crate) const ECDH_PKCS8: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104207d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534a14403420004ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b23028af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141";
pub(crate) const ECDH_PEER: &str = "3059301306072a8648ce3d020106082a8648ce3d03010703420004700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac";

// Made by OpenSSL: `vectors/agreement.py --new-keys`.
pub(crate) const ML_KEM_PKCS8: &str = "3054020100300b060960864801650304040204428040796dc1b674f5e977ca2be51e9aba638da51f545c72846cdda72f1c330df43d85fd6d18cf662d5cbace774f9515de7808aab2d72f135aa4023872fdb7642f6608";
pub(crate) const ML_KEM_CIPHERTEXT: &[u8] = include_bytes!("../vectors/self-test/ml-kem-768.ciphertext");

// The fourth case of vectors/sm2-agreement.json.
#[cfg(feature = "sm2")]
pub(crate) const SM2_AGREEMENT_PKCS8: &str = "308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420c545b8b8a5fcfc85d4951ca77382708ed7d534322b5e60db6bedf563dcd7441ca144034200045577c0e315049135d610ce32cdcf3e73225d23faaf252d34cd18317e1818e7f295bc6c9a915fb9998adbd6bec7edc13e38ea08f1570aa4592b80b64ddd5ec990";
#[cfg(feature = "sm2")]
pub(crate) const SM2_AGREEMENT_PEER: &str = "3059301306072a8648ce3d020106082a811ccf5501822d03420004152bfb386d3300dab434b29c3b82b37a45b525e92c703b9aed9079e451ae51cd2bc96d36a6ab9abc98d76694c949b8c06ae773c6da1b2b4521c517d2ada36a92";

// RFC 8032, section 7.1, test 2, and section 7.3: the private keys as PKCS#8, and the messages.
pub(crate) const ED25519_PKCS8: &str = "302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8c\
                                        f6ed4fb8a6fb";
pub(crate) const ED25519_MESSAGE: &[u8] = &[0x72];
pub(crate) const ED25519PH_PKCS8: &str = "302e020100300506032b657004220420833fe62409237b9d62ec77587520911e9a759cec1d19755b7d\
                                          a901b96dca3d42";
pub(crate) const ED25519PH_MESSAGE: &[u8] = b"abc";

// Keys and signatures made by OpenSSL: `vectors/signatures.py --new`.
pub(crate) const RSASSA_PKCS1: &[u8] = include_bytes!("../vectors/self-test/rsa-pkcs1-sha256.signature");
pub(crate) const RSASSA_PSS: &[u8] = include_bytes!("../vectors/self-test/rsa-pss-sha256.signature");
pub(crate) const P256_PKCS8: &[u8] = include_bytes!("../vectors/self-test/p256.pkcs8");
pub(crate) const P256: &[u8] = include_bytes!("../vectors/self-test/p256.signature");
pub(crate) const P384_PKCS8: &[u8] = include_bytes!("../vectors/self-test/p384.pkcs8");
pub(crate) const P384: &[u8] = include_bytes!("../vectors/self-test/p384.signature");
pub(crate) const P521_PKCS8: &[u8] = include_bytes!("../vectors/self-test/p521.pkcs8");
pub(crate) const P521: &[u8] = include_bytes!("../vectors/self-test/p521.signature");
pub(crate) const P256K1_PKCS8: &[u8] = include_bytes!("../vectors/self-test/secp256k1.pkcs8");
pub(crate) const P256K1: &[u8] = include_bytes!("../vectors/self-test/secp256k1.signature");
// The seed is the SHA-256 digest of the message; its representative follows from FIPS 204, algorithm 7.
pub(crate) const ML_DSA_PKCS8: &str = "3034020100300b060960864801650304031204228020fb33e918423d32456f02224d1fb2aaa8fda365cbfd5ac5d011f49ee249388f98";
pub(crate) const ML_DSA: &[u8] = include_bytes!("../vectors/self-test/ml-dsa-65.signature");
pub(crate) const ML_DSA_MU: &str = "759df21a8c5087688afa4cba52f5779f637fb8f50cf8f8fcb10979a9bddadd91dcbcd214c245209b02082b102d32fec1de84de00e978f2f1196f0b3214fd2072";
#[cfg(feature = "sm2")]
pub(crate) const SM2DSA: &[u8] = include_bytes!("../vectors/self-test/sm2.signature");
