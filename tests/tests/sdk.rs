//! The AWS SDK for Rust, unmodified: create, encrypt, re-encrypt, decrypt, and the errors that it tells apart by type.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::re_encrypt::ReEncryptError;
use aws_sdk_kms::operation::re_encrypt::builders::ReEncryptFluentBuilder;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{EncryptionAlgorithmSpec, KeySpec, KeyUsageType};
use reseal_tests::{ACCOUNT, Server};

const SECRET: &[u8] = b"the plaintext never leaves\x00\xff";
const INCORRECT_KEY: &str =
    "The key ID in the request does not identify a CMK that can perform this operation.";

async fn new_key(kms: &Client) -> String {
    kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap()
}

async fn sealed_under(kms: &Client, key: &str) -> Blob {
    let answer = kms.encrypt().key_id(key).plaintext(Blob::new(SECRET)).send().await.unwrap();
    answer.ciphertext_blob.unwrap()
}

/// Sends a ReEncrypt that must fail: the typed error and its text.
async fn refused(request: ReEncryptFluentBuilder) -> (ReEncryptError, Option<String>) {
    let error = request.send().await.expect_err("the call must be refused");
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
    let error = error.into_service_error();
    let text = error.message().map(str::to_owned);
    (error, text)
}

#[tokio::test]
async fn a_ciphertext_moves_to_another_key_and_another_context() {
    let server = Server::start().unwrap();
    let kms = server.client();
    let (old, new) = (new_key(&kms).await, new_key(&kms).await);
    let sealed = kms
        .encrypt()
        .key_id(&old)
        .plaintext(Blob::new(SECRET))
        .encryption_context("stage", "old")
        .send()
        .await
        .unwrap();

    let moved = kms
        .re_encrypt()
        .ciphertext_blob(sealed.ciphertext_blob.unwrap())
        .source_encryption_context("stage", "old")
        .destination_key_id(&new)
        .destination_encryption_context("stage", "new")
        .send()
        .await
        .unwrap();

    assert_eq!(moved.source_key_id.as_deref(), Some(old.as_str()));
    assert_eq!(moved.key_id.as_deref(), Some(new.as_str()));
    assert_eq!(moved.source_encryption_algorithm, Some(EncryptionAlgorithmSpec::SymmetricDefault));
    assert_eq!(moved.destination_encryption_algorithm, Some(EncryptionAlgorithmSpec::SymmetricDefault));
    assert_ne!(moved.source_key_material_id, moved.destination_key_material_id);
    let opened = kms
        .decrypt()
        .ciphertext_blob(moved.ciphertext_blob.unwrap())
        .set_encryption_context(Some(HashMap::from([("stage".to_owned(), "new".to_owned())])))
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref(), SECRET);
    server.stop().unwrap();
}

#[tokio::test]
async fn rsa_moves_to_symmetric_and_back() {
    let server = Server::start().unwrap();
    let kms = server.client();
    let symmetric = new_key(&kms).await;
    let rsa = kms.create_key().key_spec(KeySpec::Rsa2048).key_usage(KeyUsageType::EncryptDecrypt);
    let rsa = rsa.send().await.unwrap().key_metadata.unwrap().arn.unwrap();

    let to_rsa = kms
        .re_encrypt()
        .ciphertext_blob(sealed_under(&kms, &symmetric).await)
        .destination_key_id(&rsa)
        .destination_encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
        .send()
        .await
        .unwrap();
    assert_eq!(to_rsa.ciphertext_blob.as_ref().map(|blob| blob.as_ref().len()), Some(256));
    assert_eq!(to_rsa.destination_key_material_id, None);
    let back = kms
        .re_encrypt()
        .ciphertext_blob(to_rsa.ciphertext_blob.unwrap())
        .source_key_id(&rsa)
        .source_encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
        .destination_key_id(&symmetric)
        .send()
        .await
        .unwrap();
    let opened = kms.decrypt().ciphertext_blob(back.ciphertext_blob.unwrap()).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref(), SECRET);
    server.stop().unwrap();
}

#[tokio::test]
async fn errors_are_told_apart_by_type() {
    let server = Server::start().unwrap();
    let kms = server.client();
    let (old, new) = (new_key(&kms).await, new_key(&kms).await);
    let sealed = sealed_under(&kms, &old).await;
    let request = || kms.re_encrypt().ciphertext_blob(sealed.clone()).destination_key_id(&new);

    let (error, text) = refused(request().source_key_id(&new)).await;
    assert!(error.is_incorrect_key_exception(), "{error:?}");
    assert_eq!(text.as_deref(), Some(INCORRECT_KEY));

    let (error, text) = refused(request().source_encryption_context("a", "b")).await;
    assert!(error.is_invalid_ciphertext_exception(), "{error:?}");
    assert_eq!(text, None);

    let (error, text) = refused(request().destination_key_id("alias/nowhere")).await;
    assert!(error.is_not_found_exception(), "{error:?}");
    assert_eq!(text, Some(format!("Alias arn:aws:kms:us-east-1:{ACCOUNT}:alias/nowhere is not found.")));

    let (error, _) = refused(request().dry_run(true)).await;
    assert!(error.is_dry_run_operation_exception(), "{error:?}");

    kms.disable_key().key_id(&new).send().await.unwrap();
    let (error, text) = refused(request()).await;
    assert!(error.is_disabled_exception(), "{error:?}");
    assert_eq!(text, Some(format!("{new} is disabled.")));

    kms.schedule_key_deletion().key_id(&new).pending_window_in_days(7).send().await.unwrap();
    let (error, text) = refused(request()).await;
    assert!(error.is_kms_invalid_state_exception(), "{error:?}");
    assert_eq!(text, Some(format!("{new} is pending deletion.")));
    server.stop().unwrap();
}

#[tokio::test]
async fn a_wrong_secret_gets_nowhere() {
    let server = Server::start().unwrap();
    let error = server.client_with("wrong").list_keys().send().await.expect_err("the signature is wrong");
    assert!(matches!(error, SdkError::ServiceError(_)), "{error:?}");
    assert_eq!(error.code(), Some("InvalidSignatureException"));
    server.stop().unwrap();
}

#[tokio::test]
async fn the_pages_of_a_list() {
    let server = Server::start().unwrap();
    let kms = server.client();
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(new_key(&kms).await);
    }
    let mut pages = kms.list_keys().into_paginator().page_size(3).items().send();
    let mut listed = Vec::new();
    while let Some(entry) = pages.next().await {
        listed.push(entry.unwrap().key_arn.unwrap());
    }
    made.sort();
    listed.sort();
    assert_eq!(listed, made);
    server.stop().unwrap();
}
