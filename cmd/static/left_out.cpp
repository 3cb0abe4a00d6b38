// Debian's libcurl.a calls Kerberos, LDAP and RTMP, for which there are no static libraries. atp speaks HTTP alone and never
// asks for Negotiate authentication, so nothing comes here; what would is told that it failed.
#define LEFT_OUT(name) \
  int name() { return -1; }

extern "C" {

const void* GSS_C_NT_HOSTBASED_SERVICE = nullptr;

LEFT_OUT(gss_delete_sec_context)
LEFT_OUT(gss_display_name)
LEFT_OUT(gss_display_status)
LEFT_OUT(gss_import_name)
LEFT_OUT(gss_init_sec_context)
LEFT_OUT(gss_inquire_context)
LEFT_OUT(gss_release_buffer)
LEFT_OUT(gss_release_name)
LEFT_OUT(gss_unwrap)
LEFT_OUT(gss_wrap)

LEFT_OUT(ber_bvfree)
LEFT_OUT(ber_free)
LEFT_OUT(ber_memfree)
LEFT_OUT(ber_memvfree)
LEFT_OUT(ber_sockbuf_add_io)
LEFT_OUT(ldap_abandon_ext)
LEFT_OUT(ldap_err2string)
LEFT_OUT(ldap_free_urldesc)
LEFT_OUT(ldap_get_attribute_ber)
LEFT_OUT(ldap_get_dn_ber)
LEFT_OUT(ldap_get_option)
LEFT_OUT(ldap_init_fd)
LEFT_OUT(ldap_memfree)
LEFT_OUT(ldap_msgfree)
LEFT_OUT(ldap_msgtype)
LEFT_OUT(ldap_parse_result)
LEFT_OUT(ldap_parse_sasl_bind_result)
LEFT_OUT(ldap_pvt_url_scheme2proto)
LEFT_OUT(ldap_result)
LEFT_OUT(ldap_sasl_bind)
LEFT_OUT(ldap_search_ext)
LEFT_OUT(ldap_set_option)
LEFT_OUT(ldap_start_tls)
LEFT_OUT(ldap_unbind_ext)
LEFT_OUT(ldap_url_parse)

LEFT_OUT(RTMP_Alloc)
LEFT_OUT(RTMP_Close)
LEFT_OUT(RTMP_Connect1)
LEFT_OUT(RTMP_ConnectStream)
LEFT_OUT(RTMP_Free)
LEFT_OUT(RTMP_Init)
LEFT_OUT(RTMP_Read)
LEFT_OUT(RTMP_SetBufferMS)
LEFT_OUT(RTMP_SetupURL)
LEFT_OUT(RTMP_Write)

}  // extern "C"
