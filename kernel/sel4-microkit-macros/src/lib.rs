// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `protection_domain` attribute of `sel4-microkit`.
//!
//! ```text
//! #[protection_domain]
//! fn init() -> impl Handler { … }
//! ```
//! makes `init` what the runtime calls at each entry; the handler that it returns gets the events.

use proc_macro::TokenStream;
use quote::quote;

/// Marks the function that sets a protection domain up and returns its `Handler`.
#[proc_macro_attribute]
pub fn protection_domain(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = syn::parse_macro_input!(item as syn::ItemFn);
    if !arguments.is_empty() {
        return refuse(&function.sig.ident, "protection_domain takes no arguments");
    }
    if !function.sig.inputs.is_empty() {
        return refuse(&function.sig.inputs, "the init function takes no arguments");
    }
    let name = &function.sig.ident;
    quote! {
        #function

        #[doc(hidden)]
        #[unsafe(no_mangle)]
        extern "C" fn __sel4_microkit_main() -> ! {
            ::sel4_microkit::__private::run(#name)
        }
    }
    .into()
}

fn refuse(place: &impl quote::ToTokens, reason: &str) -> TokenStream {
    syn::Error::new_spanned(place, reason).to_compile_error().into()
}
