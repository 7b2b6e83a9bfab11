// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What becomes of an init function, and what is refused.

use syn::parse::Parser as _;

use super::*;

fn refused(arguments: TokenStream, item: TokenStream) -> String {
    expand(&arguments, item).expect_err("refused").to_string()
}

/// The items after expansion.
fn items(tokens: TokenStream) -> Vec<syn::ItemFn> {
    let parse = |input: syn::parse::ParseStream<'_>| {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(input.parse()?);
        }
        Ok(items)
    };
    parse.parse2(tokens).expect("functions")
}

#[test]
fn the_function_stays_as_it_is_and_the_runtime_finds_it() {
    let written = quote! { fn set_up() -> impl Handler { Ping { count: 0 } } };
    let expanded = items(expand(&TokenStream::new(), written.clone()).expect("accepted"));
    let [function, entry] = expanded.as_slice() else { panic!("{} items", expanded.len()) };
    assert_eq!(function.to_token_stream().to_string(), written.to_string());
    // `sel4-microkit` calls this name at each entry.
    assert_eq!(entry.sig.ident, "__sel4_microkit_main");
    assert!(
        entry.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("no_mangle"))
    );
    assert!(entry.block.to_token_stream().to_string().contains("run (set_up)"));
}

#[test]
fn what_cannot_be_an_init_function_is_refused_with_its_reason() {
    let nothing = TokenStream::new;
    let good = quote! { fn init() {} };
    assert_eq!(refused(quote! { stack = 3 }, good), "protection_domain takes no arguments");
    let takes = quote! { fn init(slot: u8) {} };
    assert_eq!(refused(nothing(), takes), "the init function takes no arguments");
    assert_eq!(refused(nothing(), quote! { async fn init() {} }), "the init function cannot be async");
    assert_eq!(refused(nothing(), quote! { fn init<T>() {} }), "the init function cannot be generic");
    assert!(refused(nothing(), quote! { struct Init; }).contains("fn"));
}
