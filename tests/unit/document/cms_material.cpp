#include "cms_material.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace vpn::document {
namespace {

Bio memory() { return Bio(BIO_new(BIO_s_mem())); }
std::string text_of(const Bio& bio) { return std::string(written(bio.get())); }

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Issued issue(const char* name, const Issued* issuer, int days, bool rsa) {
  static long serial = 0;
  Issued out;
  out.key.reset(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  out.certificate.reset(X509_new());
  X509* const c = out.certificate.get();
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const parent = issuer != nullptr ? issuer->certificate.get() : c;
  X509_set_issuer_name(c, X509_get_subject_name(parent));
  ASN1_TIME_set(X509_getm_notBefore(c), test_now - 10L * 86400);
  ASN1_TIME_set(X509_getm_notAfter(c), test_now + 86400L * days);
  X509_set_pubkey(c, out.key.get());
  extend(c, parent, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  extend(c, parent, NID_subject_key_identifier, "hash");
  X509_sign(c, issuer != nullptr ? issuer->key.get() : out.key.get(), EVP_sha256());
  return out;
}

std::string sign(const std::string& content, const std::vector<const Issued*>& signers, Form form,
                 bool with_certificate) {
  const Bio in = reader_of(content), out = memory();
  const bool detached = form == Form::smime_multipart || form == Form::detached;
  const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_STREAM | (detached ? CMS_DETACHED : 0u);
  const Cms cms(CMS_sign(nullptr, nullptr, nullptr, in.get(), flags));
  for (const Issued* s : signers)
    CMS_add1_signer(cms.get(), s->certificate.get(), s->key.get(), EVP_sha256(), with_certificate ? 0 : CMS_NOCERTS);
  if (form == Form::indefinite) {
    i2d_CMS_bio_stream(out.get(), cms.get(), in.get(), CMS_BINARY | CMS_STREAM);
  } else if (form == Form::smime || form == Form::smime_multipart) {
    SMIME_write_CMS(out.get(), cms.get(), in.get(), static_cast<int>(flags) & ~CMS_PARTIAL);
  } else {
    CMS_final(cms.get(), in.get(), nullptr, CMS_BINARY | (detached ? CMS_DETACHED : 0u));
    if (form == Form::pem)
      PEM_write_bio_CMS_stream(out.get(), cms.get(), nullptr, 0);
    else
      i2d_CMS_bio(out.get(), cms.get());
  }
  return text_of(out);
}

std::string encrypt(const std::string& content, const Issued& recipient) {
  const Bio in = reader_of(content), out = memory();
  const std::unique_ptr<STACK_OF(X509), ReleasesStack> to(sk_X509_new_null());
  sk_X509_push(to.get(), recipient.certificate.get());
  const Cms cms(CMS_encrypt(to.get(), in.get(), EVP_aes_256_cbc(), CMS_BINARY));
  i2d_CMS_bio(out.get(), cms.get());
  return text_of(out);
}

std::string base64_of(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                                      static_cast<int>(bytes.size()))));
  return out;
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "vpn_cms_XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}
Folder::~Folder() { std::filesystem::remove_all(path_); }

std::string Folder::write(const std::string& name, const std::string& content) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string Folder::certificate(const std::string& name, const Issued& issued, bool pem) const {
  const Bio out = memory();
  pem ? PEM_write_bio_X509(out.get(), issued.certificate.get()) : i2d_X509_bio(out.get(), issued.certificate.get());
  return write(name, text_of(out));
}

std::string Folder::key(const std::string& name, const Issued& issued, KeyForm form) const {
  const Bio out = memory();
  if (form == KeyForm::pem) {
    PEM_write_bio_PKCS8PrivateKey(out.get(), issued.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  } else if (form == KeyForm::der) {
    i2d_PrivateKey_bio(out.get(), issued.key.get());
  } else {
    const std::unique_ptr<PKCS12, Releases<PKCS12_free>> bag(
        PKCS12_create("", "test", issued.key.get(), issued.certificate.get(), nullptr, 0, 0, 1, 1, 0));
    i2d_PKCS12_bio(out.get(), bag.get());
  }
  return write(name, text_of(out));
}

}  // namespace vpn::document
