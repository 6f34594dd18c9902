# Made up, and therefore here. The secrets of a real fleet come from SOCTALK_VAR_llm_api_key and the like.
llm_api_key    = "sk-demo-4f1c9e7ab2d850"
admin_password = "correct horse battery staple"
