// Owners for what OpenSSL hands out. Internal to compiler/document.
#pragma once

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <string>
#include <string_view>

namespace vpn::document {

template <auto function>
struct Releases {
  template <class T>
  void operator()(T* p) const {
    function(p);
  }
};

using Bio = std::unique_ptr<BIO, Releases<BIO_free_all>>;
using Cms = std::unique_ptr<CMS_ContentInfo, Releases<CMS_ContentInfo_free>>;
using Certificate = std::unique_ptr<X509, Releases<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Releases<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Releases<X509_STORE_free>>;

/// A stack with its certificates.
struct ReleasesCertificates {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
/// A stack whose certificates belong to others.
struct ReleasesStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
struct ReleasesBytes {
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
using Certificates = std::unique_ptr<STACK_OF(X509), ReleasesCertificates>;

/// Reads from `bytes`, which must outlive it.
Bio reader_of(std::string_view bytes);
/// What has been written to a memory BIO; a view into it.
std::string_view written(BIO* memory);

/// Given to whatever would ask for a password at the terminal: there is none.
int no_password(char*, int, int, void*);

}  // namespace vpn::document
