// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `protection_domain` attribute of `sel4-microkit`.
//!
//! ```text
//! #[protection_domain]
//! fn init() -> impl Handler { … }
//! ```
//! makes `init` what the runtime calls at each entry; the handler that it returns gets the events.

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// Marks the function that sets a protection domain up and returns its `Handler`.
#[proc_macro_attribute]
pub fn protection_domain(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand(&arguments.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(arguments: &TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: syn::ItemFn = syn::parse2(item)?;
    let signature = &function.sig;
    if !arguments.is_empty() {
        return Err(refusal(&signature.ident, "protection_domain takes no arguments"));
    }
    if !signature.inputs.is_empty() {
        return Err(refusal(&signature.inputs, "the init function takes no arguments"));
    }
    if let Some(asyncness) = &signature.asyncness {
        return Err(refusal(asyncness, "the init function cannot be async"));
    }
    if !signature.generics.params.is_empty() {
        return Err(refusal(&signature.generics, "the init function cannot be generic"));
    }
    let name = &signature.ident;
    Ok(quote! {
        #function

        #[doc(hidden)]
        #[unsafe(no_mangle)]
        extern "C" fn __sel4_microkit_main() -> ! {
            ::sel4_microkit::__private::run(#name)
        }
    })
}

fn refusal(place: &impl ToTokens, reason: &str) -> syn::Error {
    syn::Error::new_spanned(place, reason)
}
